"""Tests of the pure core: plain asserts, run on CPython and on MicroPython."""
