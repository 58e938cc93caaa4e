"""Checks of a configuration that only this machine can tell: its keys, its certificates, its ports."""

from collections.abc import Callable

from cloud_sync.keys import load_public, load_signer
from cloud_sync.sender import broker_settings
from gateway.config import Configuration, key_path
from gateway.core.problem import Problem, ProblemError
from gateway.line import open_line


def check_uplink(configuration: Configuration) -> list[Problem]:
    """Return what is wrong with the keys, the certificates and the address that the uplink names."""
    uplink, home = configuration.uplink, configuration.home
    if uplink is None:
        return []
    files = [home / name if name else None for name in (uplink.ca, uplink.certificate, uplink.key)]
    return _problems_of(
        lambda: broker_settings(uplink.broker, configuration.site.gateway, *files),
        lambda: load_public(home / uplink.platform_key),
        lambda: load_signer(key_path(home)),
    )


def check_lines(configuration: Configuration) -> list[Problem]:
    """Return why ports cannot be opened; each is opened and given back at once."""
    return _problems_of(*[lambda bus=bus: open_line(bus).close() for bus in configuration.site.buses])


def _problems_of(*looks: Callable[[], object]) -> list[Problem]:
    problems: list[Problem] = []
    for look in looks:
        try:
            look()
        except ProblemError as error:
            problems.extend(error.problems)
    return problems
