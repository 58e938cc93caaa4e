"""Checks of a configuration that only this machine can tell: its keys, its certificates, its ports and gateways."""

from collections.abc import Callable, Sequence
from functools import partial

from cloud_sync.keys import load_public, load_signer
from gateway.asker import Answer, Asker
from gateway.commissioning.live_meters import Met, meet
from gateway.config import Configuration, key_path
from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.profile import DeviceProfile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.site import Bus
from gateway.core.site_reading import UNITS
from gateway.core.tcp_address import is_network
from gateway.line import open_line
from gateway.roads import connection_settings

_FREE_UNIT_MS = 1000  # what answers zeros for everything does so at once; a sound gateway lets this pass, or refuses


def check_uplinks(configuration: Configuration) -> list[Problem]:
    """Return what is wrong with the keys, the certificates and the addresses that the uplinks name."""
    home = configuration.home
    looks: list[Callable[[], object]] = []
    for uplink in configuration.uplinks:
        looks.append(partial(connection_settings, configuration, uplink))
        looks.append(partial(load_public, home / uplink.platform_key))
    return _problems_of(*looks, lambda: load_signer(key_path(home))) if looks else []


def check_lines(configuration: Configuration, known: Sequence[DeviceProfile]) -> tuple[list[Problem], list[Met]]:
    """Return what is wrong with ports, gateways and meters, and what each meter showed; every port is given back.

    known: the models that a meter may be instead of its own.
    """
    met: list[Met] = []
    looks = [lambda bus=bus: met.extend(_check_line(configuration, bus, known)) for bus in configuration.site.buses]
    found: list[Problem] = _problems_of(*looks)
    return found, met


def _check_line(configuration: Configuration, bus: Bus, known: Sequence[DeviceProfile]) -> list[Met]:
    """Return what the meters of *bus* showed; raises ProblemError with what is wrong."""
    line = open_line(bus)
    met: list[Met] = []
    problems: list[Problem] = []
    try:
        asker = Asker(line, bus)
        if is_network(bus.port) and _only_zeros(configuration, bus, asker):
            raise ProblemError(
                problem(
                    "WP-BUS-080",
                    bus.name,
                    "{port} answers zeros for every meter, and for unit ids that no meter has.",
                    "The gateway there expects other frames: set it to Modbus TCP, or write rtu+tcp:// in place of "
                    "tcp:// where it hands on the frames of the line as they are.",
                    port=bus.port,
                )
            )
        for meter in configuration.site.meters:
            if meter.bus == bus.name:
                one, wrong = meet(asker, bus, meter, configuration.profiles[meter.profile], known)
                met.append(one)
                problems += wrong
    finally:
        line.close()
    if problems:
        raise ProblemError(*problems)
    return met


def _only_zeros(configuration: Configuration, bus: Bus, asker: Asker) -> bool:
    """Tell whether a unit id without a meter and the first read of each meter all give zeros."""
    meters = [meter for meter in configuration.site.meters if meter.bus == bus.name and meter.unit]
    taken = {meter.unit for meter in meters}
    free = next(unit for unit in range(UNITS[1], UNITS[0] - 1, -1) if unit not in taken)
    if not meters or not _zeros(asker.ask(free, 3, 0, 2, _FREE_UNIT_MS)):
        return False
    for meter in meters:
        profile = configuration.profiles[meter.profile]
        block = plan_blocks(profile, profile.polled(), bus.baud, bus.turnaround_ms)[0]
        if not _zeros(asker.ask_block(meter, block, profile.timeout_ms)):
            return False
    return True


def _zeros(answer: Answer) -> bool:
    return answer.registers is not None and not any(answer.registers)


def _problems_of(*looks: Callable[[], object]) -> list[Problem]:
    problems: list[Problem] = []
    for look in looks:
        try:
            look()
        except ProblemError as error:
            problems.extend(error.problems)
    return problems
