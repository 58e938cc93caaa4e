"""Crashes, power cuts and damage of the real journal: nothing that was told as committed is ever lost."""
