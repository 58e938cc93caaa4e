"""The wattproof command, one file for each group of commands."""

import importlib

import click

from gateway import VERSION, words
from gateway.frame import SpokenGroup, speak_anywhere, spoken

# Where each command lives: imported only when it is called, so that the command line starts fast.
COMMANDS: dict[str, tuple[str, str]] = {
    "decode": ("gateway.cli.meter_commands", "decode_command"),
    "plan": ("gateway.cli.plan_command", "plan_command"),
    "profile": ("gateway.cli.profile_commands", "profile_group"),
    "check": ("gateway.cli.run_commands", "check"),
    "run": ("gateway.cli.run_commands", "run"),
    "status": ("gateway.cli.account_commands", "status"),
    "readings": ("gateway.cli.account_commands", "readings"),
    "tally": ("gateway.cli.account_commands", "tally"),
    "explain": ("gateway.cli.explain_command", "explain"),
    "export": ("gateway.cli.account_commands", "export"),
    "verify": ("gateway.cli.account_commands", "verify"),
    "checkpoint": ("gateway.cli.checkpoint_command", "checkpoint"),
    "config": ("gateway.cli.config_commands", "config_group"),
    "declare": ("gateway.cli.declare_command", "declare"),
    "keys": ("gateway.cli.keys_commands", "keys"),
    "enrol": ("gateway.cli.enrol_command", "enrol"),
    "support": ("gateway.cli.support_command", "support"),
    "scan": ("gateway.cli.scan_command", "scan"),
    "read": ("gateway.cli.bus_commands", "read"),
    "wiring": ("gateway.cli.wiring_command", "wiring"),
    "trace": ("gateway.cli.trace_commands", "trace"),
}


class Commands(SpokenGroup):
    """A group that imports a command's file only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return spoken(command)


@click.group(cls=Commands)
@click.option("--lang", type=click.Choice(words.LANGUAGES), help="Language of messages (default: by locale).")
@click.option(
    "--home", envvar="WATTPROOF_HOME", default="/etc/wattproof", help="Folder of configuration, keys and journal."
)
@click.version_option(VERSION)
@click.pass_context
def main(ctx: click.Context, lang: str | None, home: str) -> None:
    """Wattproof: green power proven from the meter's register to the platform's ledger."""
    speak_anywhere()
    words.choose(lang or words.language_of_locale())
    ctx.obj = home
