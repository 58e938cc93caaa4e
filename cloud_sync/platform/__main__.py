"""Runs the wattproof-platform command as `python -m cloud_sync.platform`."""

from cloud_sync.platform.cli import main

main(prog_name="wattproof-platform")
