"""Options that commands about single exchanges share: bytes in hexadecimal, and transformer ratios."""

from typing import Any

import click

from gateway.core.notation import ratio
from gateway.core.problem import problem
from gateway.words import say


class Octets(click.ParamType[bytes]):
    """Bytes in hexadecimal, large or small letters, with or without spaces."""

    name = "hex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Return the bytes; anything else is wrong usage."""
        if isinstance(value, bytes):
            return value
        digits = "".join(str(value).split())
        wrong = [character for character in digits if character not in "0123456789abcdefABCDEF"]
        if wrong:
            self.fail(
                say(
                    problem(
                        "WP-CLI-020",
                        "",
                        "{character} is no hexadecimal digit.",
                        'Write the bytes as in "01 04 00 48 00 02 f1 dd".',
                        character=repr(wrong[0]),
                    )
                ),
                param,
                ctx,
            )
        if len(digits) % 2:
            self.fail(
                say(
                    problem(
                        "WP-CLI-021",
                        "",
                        "{count} hexadecimal digits make no whole bytes.",
                        "Each byte has two digits; one is missing or too many.",
                        count=len(digits),
                    )
                ),
                param,
                ctx,
            )
        return bytes.fromhex(digits)


class Ratio(click.ParamType[tuple[int, int]]):
    """A transformer ratio, primary/secondary."""

    name = "N/M"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return (primary, secondary); anything else is wrong usage."""
        if isinstance(value, tuple):
            return value
        found = ratio(str(value))
        if found is None:
            self.fail(
                say(
                    problem(
                        "WP-CLI-022",
                        "",
                        "{value} is no ratio.",
                        "Write whole numbers as in 400/5.",
                        value=repr(value),
                    )
                ),
                param,
                ctx,
            )
        return found


def ratio_options(command: Any) -> Any:
    """Add --ct and --vt to *command*."""
    command = click.option(
        "--vt", type=Ratio(), default="1/1", help="Ratio of the voltage transformers (default 1/1)."
    )(command)
    return click.option("--ct", type=Ratio(), default="1/1", help="Ratio of the current transformers (default 1/1).")(
        command
    )
