"""Fuzzing: every parser fed with bytes that nobody meant, by coverage (`make fuzz`) and by properties (`make test`)."""
