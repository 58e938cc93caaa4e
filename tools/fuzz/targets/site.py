"""Configuration of a site: gateway.toml, with the shipped factors and some shipped profiles beside it."""

from collections.abc import Iterator
from functools import cache

import device_profiles
from gateway.config import configuration_of
from gateway.core.problem import ProblemError
from gateway.factors import factors_text
from gateway.tests.small_park import SITE
from tools.fuzz.spoken import check_said
from tools.fuzz.text import TOML_TOKENS, text_of

_PROFILES = ("eastron-sdm630", "huawei-sun2000", "chint-dtsu666", "acrel-adw300", "dlt645-2007-three-phase")
TOKENS = (
    *TOML_TOKENS, b"[[bus]]", b"[[meter]]", b"[[meter_point]]", b"[[storage]]", b"[uplink]", b"[[busbar]]",
    b"tcp://", b"rtu+tcp://", b"9600 8N1", b'ct_ratio = "200/5"', b'role = "tie"', b"min",
)  # fmt: skip


@cache
def _surroundings() -> tuple[str, tuple[tuple[str, str], ...]]:
    return factors_text(), tuple((name, device_profiles.text(name)) for name in _PROFILES)


def seeds() -> Iterator[bytes]:
    """Yield a whole site, and single tables of one."""
    yield SITE.encode()
    for table in SITE.split("\n\n"):
        yield table.encode()


def target(data: bytes) -> None:
    """A site is read, or refused with problems that can be said."""
    text = text_of(data)
    if text is None:
        return
    factors, profiles = _surroundings()
    try:
        found = configuration_of(text, factors, profiles)
    except ProblemError as error:
        check_said(error.problems)
        return
    assert found.site_text == text and found.site.gateway
    assert {meter.profile for meter in found.site.meters} <= set(found.profiles)
