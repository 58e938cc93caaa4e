"""Runs the wattproof command as `python -m gateway`."""

from gateway.cli import main

main(prog_name="wattproof")
