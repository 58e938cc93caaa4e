"""The wattproof command, one file for each group of commands."""
