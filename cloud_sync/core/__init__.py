"""Pure: no input or output, no clock, no float; the same on CPython and MicroPython."""
