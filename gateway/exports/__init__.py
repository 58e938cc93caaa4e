"""Exports: a stretch of figures in the formats of others; each writer is a function from records to bytes."""
