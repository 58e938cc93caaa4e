"""Tools that keep the house in order."""
