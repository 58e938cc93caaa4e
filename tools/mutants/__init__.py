"""Changes the cores one small place at a time and counts how many of the changes their tests notice."""
