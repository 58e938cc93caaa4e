"""What a technician types or hands to a command: bytes in hex, ratios, days, moments, lines, and files to trace."""

from collections.abc import Callable, Iterator

import click

from gateway.cli.account_commands import time_of
from gateway.cli.exchange_options import Octets, Ratio
from gateway.cli.trace_commands import read_traced, trace_by_flow, trace_by_self_use
from gateway.core.fields import Fields
from gateway.core.notation import WATT_HOURS, decimal_ratio
from gateway.core.problem import Problem, ProblemError
from gateway.export import check_day
from gateway.secrecy import masked_file, secrets_in
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said

FLOW, SELF_USE, HEX, RATIO, DAY, TIME, MEASURE, SECRETS = range(8)
TOKENS = (
    b'"busbars": ', b'"sources": ', b'"sinks": ', b'"feeders": ', b'"id": ', b'"wh": ', b'"from": ', b'"to": ',
    b"1e999", b"NaN", b"[" * 20, b"\\ud800", b"99999999999999999999", b"-1", b"/", b"2026-11-21", b"T10:15", b"+08:00",
    b"kWh", b"\xc2\xb2", b"password = ", b"-----BEGIN PRIVATE KEY-----", b"mqtt://a:b@", b"AAAAA-" * 8,
)  # fmt: skip


def seeds() -> Iterator[bytes]:
    """Yield one of each kind."""
    yield bytes((FLOW,)) + (
        b'{"busbars": ["A", "B"], "sources": [{"id": "grid", "busbar": "A", "wh": 700}],'
        b' "sinks": [{"id": "mill", "busbar": "B", "wh": 600}],'
        b' "feeders": [{"id": "f", "from": "A", "to": "B", "wh": 650, "reverse_wh": 50}]}'
    )
    yield bytes((SELF_USE,)) + (
        b'{"renewables": [{"origin": "solar", "generated_wh": 900, "charged_wh": 100, "discharged_wh": 50}],'
        b' "export_wh": 10, "users": [{"id": "mill", "wh": 700}, {"id": "hall", "wh": 300}]}'
    )
    yield bytes((HEX,)) + b"01 04 00 48 00 02 f1 dd"
    yield bytes((RATIO,)) + b"400/5"
    yield bytes((DAY,)) + b"2026-11-21"
    yield bytes((TIME,)) + b"2026-11-21T10:15"
    yield bytes((MEASURE,)) + b"10.5 kWh"
    yield bytes((SECRETS,)) + b'broker = "mqtts://me:word@b"\npassword = "x"\n-----BEGIN PRIVATE KEY-----\nAAAA\n'


def _trace(raw: bytes, by: Callable[[object, str], tuple[dict[str, object], list[Problem]]]) -> None:
    """Energies that a trace gives away add up to what each source gave."""
    path = room_of("typed") / "interval.json"
    path.write_bytes(raw)
    value, warnings = by(read_traced(path), path.name)
    if warnings:
        check_said(warnings)
    rows = value["allocations"]
    assert isinstance(rows, list) and all(row["wh"] >= 0 for row in rows)


def target(data: bytes) -> None:
    """It is understood, or refused with words for it."""
    source = Source(data)
    kind, raw = source.octet() % 8, source.rest()
    text = raw.decode("utf-8", "surrogateescape")  # as words of a command line come
    try:
        if kind == FLOW:
            _trace(raw, trace_by_flow)
        elif kind == SELF_USE:
            _trace(raw, trace_by_self_use)
        elif kind == HEX:
            found = Octets().convert(text, None, None)
            assert found == bytes.fromhex(found.hex())
        elif kind == RATIO:
            assert all(part > 0 for part in Ratio().convert(text, None, None))
        elif kind == DAY:
            assert len(check_day(text)) == len("2026-11-21")
        elif kind == TIME:
            time_of(text)
        elif kind == MEASURE:
            problems: list[Problem] = []
            Fields({"amount": raw.decode("utf-8", "replace")}, "typed", problems).measure("amount", WATT_HOURS)
            if problems:
                check_said(problems)
            decimal_ratio(text)
        else:
            assert not secrets_in(masked_file(raw.decode("utf-8", "replace")), "text")
    except ProblemError as error:
        if text.isprintable():  # else it is shown with signs in place of what cannot be
            check_said(error.problems)
    except click.UsageError as error:
        assert error.format_message()
