"""wattproof enrol, and keys renew: become known to the platform, over the network or by files."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import click

from cloud_sync.enrolling import TEXT_BYTES_MAX, Answer, Code, read_code, text_of
from cloud_sync.keys import write_whole
from gateway.enrolment import CA, CERTIFICATE, PLATFORM_KEY, TLS_KEY, ask, check_route, folder_of, request_of, take
from gateway.frame import emit, fails_clearly, json_option
from gateway.text_file import read_text
from gateway.words import translate as _

_CODE_LETTERS_MAX = 256


def route_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how the request travels."""
    for option in (
        click.option("--plain-http", is_flag=True, help="Allow http:// to this machine itself."),
        click.option("--ca", type=click.Path(path_type=Path), help="CA certificate of the platform's page."),
        click.option("--in", "answer_file", type=click.Path(path_type=Path), help="Take the answer from a file."),
        click.option("--as", "name", default="", metavar="NAME", help="The platform's name, where there are several."),
        click.option("--out", type=click.Path(path_type=Path), help="Write the request to a file instead."),
        click.option("--platform", "url", metavar="URL", help="The platform, as https://platform.example."),
    ):
        command = option(command)
    return command


@click.command("enrol")
@click.option("--code", "code_file", type=click.File(), help="File with the one-time code; - is standard input.")
@route_options
@json_option
@click.pass_obj
@fails_clearly
def enrol(home: str, /, code_file: TextIO | None, as_json: bool, **route: Any) -> None:
    """Become known to the platform, by a one-time code, and get a certificate for the broker.

    The code is asked for, or read from a file; it is never an argument, and never sent. Keys are made where there are
    none. Without a route to the platform: --out, carry the file there and its answer back, --in.
    """
    check_way(route)
    typed = click.prompt(_("One-time code"), err=True) if code_file is None else code_file.read(_CODE_LETTERS_MAX)
    exchange(Path(home), read_code(typed), route, as_json)


def check_way(route: dict[str, Any]) -> None:
    """Leave with exit code 2 where not exactly one way is given."""
    if sum(route[name] is not None for name in ("url", "out", "answer_file")) != 1:
        raise click.UsageError(_("Give one of --platform, --out and --in."))
    if route["url"] is not None:
        check_route(route["url"], route["plain_http"])


def exchange(home: Path, code: Code | None, route: dict[str, Any], as_json: bool) -> None:
    """Ask over the network, or write the request, or take the answer, as *route* says."""
    if route["out"] is not None:
        write_whole(route["out"], text_of(request_of(home, code, route["name"])).encode("utf-8"), 0o644)
        text = _("The request is in {file}; let the platform answer it: `wattproof-platform enrol answer`.")
        emit({"file": str(route["out"])}, text.format(file=route["out"]), as_json)
        return
    if route["answer_file"] is not None:
        said: str | bytes = read_text(route["answer_file"], TEXT_BYTES_MAX)
    else:
        said = ask(route["url"], request_of(home, code, route["name"]), route["ca"])
    _tell(take(home, said, code, route["name"]), folder_of(route["name"]), as_json)


def _tell(answer: Answer, folder: Path, as_json: bool) -> None:
    value = {
        "gateway": answer.gateway, "bucket": answer.bucket, "platform_key": str(folder / PLATFORM_KEY),
        "ca": str(folder / CA), "certificate": str(folder / CERTIFICATE), "key": str(folder / TLS_KEY),
    }  # fmt: skip
    lines = [_("Gateway {gateway} is known to the platform. Its [uplink] needs these lines:").format(**value)]
    lines += ['%s = "%s"' % (name, text) for name, text in value.items() if name != "gateway"]
    emit(value, "\n".join(lines), as_json)
    sys.stdout.flush()
