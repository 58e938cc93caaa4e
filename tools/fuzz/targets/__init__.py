"""The targets: one module a parser, each with `target(data)`, `seeds()` and the `TOKENS` its language is made of.

A target lets the errors pass that the parser promises, and nothing else; what is understood must hold its invariants.
"""
