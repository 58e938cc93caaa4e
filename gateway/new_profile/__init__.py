"""A new device profile: from a register list, by trial on the live meter, to a file with its tests."""
