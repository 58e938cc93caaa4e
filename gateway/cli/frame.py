"""The frame of commands, under its former name."""

from gateway.frame import UnreachableError, emit, fails_clearly, json_option, show, stop

__all__ = ["UnreachableError", "emit", "fails_clearly", "json_option", "show", "stop"]
