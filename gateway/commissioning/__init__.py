"""Commissioning: what answers on a bus, what it is, how it is wired, and how it gets into the configuration."""
