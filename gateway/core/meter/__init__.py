"""From bytes on a bus to readings."""
