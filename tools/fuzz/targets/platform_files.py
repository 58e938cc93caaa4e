"""Files that people keep beside a platform: its parks, parameters, choices, codes and revocations."""

from collections.abc import Iterator

from cloud_sync.enrolling import code_name
from cloud_sync.platform.codes import CODES, key_of
from cloud_sync.platform.parameters import (
    CHOICES_FILE,
    PARAMETERS_FILE,
    load_choices,
    load_parameters,
    parameters_text,
)
from cloud_sync.platform.park import PARK_FILE, plan_of, read_parks
from cloud_sync.platform.revocations import REVOKED, Revocation, Revocations
from gateway.core.problem import ProblemError
from tools.fuzz.room import room_of
from tools.fuzz.source import Source
from tools.fuzz.spoken import check_said
from tools.fuzz.targets import enrolment
from tools.fuzz.text import TOML_TOKENS

PARKS, PARAMETERS, CHOICES, CODE, REVOCATION = range(5)
TOKENS = (
    *TOML_TOKENS, b"[[park]]\n", b"[[coal_equivalent]]\n", b"[[grid_share]]\n", b"[[enterprise]]\n", b"gateways = [",
    b"until_ms = ", b"serials = [", b'"0x7"', b"valid_from", b"2026-01-01", b"[[park.storage]]\n",
)  # fmt: skip
_PARK = b"""[[park]]
name = "park-7"
gateways = ["cabinet-a", "cabinet-b"]
[[park.storage]]
meter_point = "cabinet-a/Battery"
initial = "10 kWh"
"""
_CHOICES = b"""[[park]]
name = "Demo park"
rule = "688"
[[enterprise]]
park = "Demo park"
name = "Glass works"
meter_points = ["Hall"]
year = "2026"
budget = "1200"
factor_set = "grid-2023"
"""
_KID = b"k" * 8
_TABLES = 3


def seeds() -> Iterator[bytes]:
    """Yield each file as the platform or its documentation writes it."""
    yield bytes((PARKS,)) + _PARK
    yield bytes((PARAMETERS,)) + "[[".join(parameters_text(None).split("[[")[:_TABLES]).encode()
    yield bytes((CHOICES,)) + _CHOICES
    yield bytes((CODE,)) + b'gateway = "gw-1"\nkey = "%s"\nuntil_ms = 9\n' % (b"00" * 32)
    yield bytes((REVOCATION,)) + b'gateway = "gw-1"\nat_ms = 7\nreason = "lost"\nserials = ["0x7"]\n'


def target(data: bytes) -> None:
    """Each is read, or refused with problems that can be said."""
    source = Source(data)
    kind, home = source.octet() % 5, room_of("platform_files")
    asked = enrolment.request()
    code, revocation = "%s/%s.toml" % (CODES, asked.code), "%s/%s.toml" % (REVOKED, _KID.hex())
    names = (PARK_FILE, PARAMETERS_FILE, CHOICES_FILE, code, revocation)
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).unlink(missing_ok=True)
    (home / names[kind]).write_bytes(source.rest())
    try:
        if kind == PARKS:
            for plan in read_parks(home):
                assert plan_of(plan.name, plan.text()) == plan
        elif kind == PARAMETERS:
            load_parameters(home)
        elif kind == CHOICES:
            load_choices(home)
        elif kind == CODE:
            assert code_name(key_of(home, asked, 0)) == asked.code
        else:
            assert all(isinstance(one, Revocation) for one in Revocations(home / REVOKED).all())
    except ProblemError as error:
        check_said(error.problems)
