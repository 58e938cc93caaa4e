"""Configuration: finds and reads the files a technician writes, and checks them as a whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.bus_plan import jobs_of, sweep_us
from gateway.core.account.factor import FactorTable
from gateway.core.meter.profile import CJT188, MODBUS, DeviceProfile
from gateway.core.problem import Problem, ProblemError, problem
from gateway.core.settlement import account_channels
from gateway.core.site import Site
from gateway.core.site_reading import DI_DIGITS, PLATFORM, READOUT_DIGITS, read_site
from gateway.core.tcp_address import RTU_FRAMES, TCP_FRAMES, has_line
from gateway.factors import factors_of_text, factors_text
from gateway.ports import same_port
from gateway.profiles import profile_names, profile_of_text, profile_text
from gateway.secrecy import secrets_in
from gateway.text_file import parse_toml, read_text

SITE_FILE = "gateway.toml"


@dataclass(frozen=True)
class UplinkSettings:
    """Where batches go: a platform's name, its broker, topic bucket, public key, TLS files; paths as configured."""

    platform: str
    broker: str
    bucket: str
    platform_key: str
    ca: str
    certificate: str
    key: str


@dataclass(frozen=True)
class Configuration:
    """All that was configured, as read and as written (the texts go into the journal)."""

    home: Path
    site: Site
    profiles: dict[str, DeviceProfile]
    factors: FactorTable
    uplinks: tuple[UplinkSettings, ...]
    site_text: str
    factors_text: str
    profile_texts: tuple[tuple[str, str], ...]

    @property
    def bucket(self) -> str:
        """Return the bucket of the topics that batches are signed for; "" where nothing is sent."""
        return self.uplinks[0].bucket if self.uplinks else ""

    @property
    def platforms(self) -> tuple[str, ...]:
        """Return the names of the platforms that get the batches."""
        return tuple(uplink.platform for uplink in self.uplinks)


def _uplinks(plain: dict[str, Any]) -> tuple[UplinkSettings, ...]:
    found = plain.get("uplink", [])
    return tuple(
        UplinkSettings(
            table.get("platform", PLATFORM),
            table["broker"],
            table.get("bucket", "b0"),
            table["platform_key"],
            table.get("ca", ""),
            table.get("certificate", ""),
            table.get("key", ""),
        )
        for table in (found if isinstance(found, list) else [found])
    )


def configuration_of(
    site_text: str, factor_table: str, profile_texts: tuple[tuple[str, str], ...], home: Path = Path()
) -> Configuration:
    """Return the configuration that these texts mean; raises ProblemError with everything that is wrong."""
    plain = parse_toml(site_text, SITE_FILE)
    factors = factors_of_text(factor_table)
    site, problems = read_site(plain, [name for name, _ in profile_texts], list(factors.sets()))
    if site is None:
        raise ProblemError(*problems)
    problems += factors.lacking(site.factor_sets, site.province)
    used = {meter.profile for meter in site.meters}
    texts = tuple((name, text) for name, text in profile_texts if name in used)
    profiles: dict[str, DeviceProfile] = {}
    for name, text in texts:
        profile, found = profile_of_text(text, name)
        problems += found
        if profile is not None:
            profiles[name] = profile
    if problems:
        raise ProblemError(*problems)
    configuration = Configuration(home, site, profiles, factors, _uplinks(plain), site_text, factor_table, texts)
    problems = check_meters(site, profiles) + check_budget(configuration)
    if problems:
        raise ProblemError(*problems)
    return configuration


def load(home: Path) -> Configuration:
    """Return the configuration in *home*; raises ProblemError with everything that is wrong with it."""
    site_text = read_text(home / SITE_FILE)
    problems = secrets_in(site_text, SITE_FILE)
    if problems:
        raise ProblemError(*problems)
    used = _profiles_named(parse_toml(site_text, SITE_FILE))
    # A broken profile that no meter uses must not keep the gateway from running.
    texts = tuple((name, profile_text(name, home)[0] if name in used else "") for name in profile_names(home))
    configuration = configuration_of(site_text, factors_text(home), texts, home)
    problems = check_ports(configuration.site)
    if problems:
        raise ProblemError(*problems)
    return configuration


def _profiles_named(plain: dict[str, Any]) -> set[str]:
    """Return what the meters of a site name as their profile, whatever it is worth."""
    meters = plain.get("meter")
    named = [one.get("profile") for one in meters if isinstance(one, dict)] if isinstance(meters, list) else []
    return {name for name in named if isinstance(name, str)}


def load_site(home: Path) -> tuple[Site, dict[str, DeviceProfile]]:
    """Return the site in *home* and the profiles of its meters."""
    configuration = load(home)
    return configuration.site, configuration.profiles


def check_ports(site: Site) -> list[Problem]:
    """Return a problem for every bus whose port is that of another bus under another name."""
    problems: list[Problem] = []
    for index, bus in enumerate(site.buses):
        for other in site.buses[:index]:
            if same_port(bus.port, other.port):
                problems.append(
                    problem(
                        "WP-CFG-037",
                        f"bus[{index}].port",
                        "{port} is another name of {same}, the port of bus {other}",
                        "one pair of wires is one bus: put its meters on the same [[bus]]",
                        port=bus.port,
                        same=other.port,
                        other=other.name,
                    )
                )
    return problems


def key_path(home: Path) -> Path:
    """Return where a gateway keeps its private key."""
    return home / "keys" / "gateway.key"


def check_meters(site: Site, profiles: dict[str, DeviceProfile]) -> list[Problem]:
    """Return what does not fit between meters, their profiles and the roles they serve."""
    problems: list[Problem] = []
    channels = {channel.meter for channel in account_channels(site, profiles)}
    for index, place in enumerate(site.meter_points):
        if place.meter not in channels:
            problems.append(
                problem(
                    "WP-CFG-033",
                    f"meter_point[{index}].meter",
                    "the meter {meter} offers no energy register for the role {role}",
                    "use a meter whose profile lists energy_active_import or energy_active_export",
                    meter=place.meter,
                    role=place.role,
                )
            )
    transports = {bus.name: RTU_FRAMES if has_line(bus.port) else TCP_FRAMES for bus in site.buses}
    for index, meter in enumerate(site.meters):
        profile = profiles[meter.profile]
        takes = {name for point in profile.points for name in point.times}
        for key, ratio, name in (("ct_ratio", meter.ct_ratio, "ct"), ("vt_ratio", meter.vt_ratio, "vt")):
            if ratio[0] != ratio[1] and name not in takes:
                problems.append(
                    problem(
                        "WP-CFG-034",
                        f"meter[{index}].{key}",
                        "the model {profile} already shows primary values, so {key} would be counted twice",
                        "remove {key} here; set the ratio in the meter itself",
                        profile=meter.profile,
                        key=key,
                    )
                )
        by_number = profile.protocol != MODBUS
        if by_number == bool(meter.unit):
            problems.append(
                problem(
                    "WP-CFG-047",
                    f"meter[{index}]",
                    "a meter of the model {profile} is asked by its {wanted}",
                    "write {wanted} = ..., and remove {other}",
                    profile=meter.profile,
                    wanted="address" if by_number else "unit",
                    other="unit" if by_number else "address",
                )
            )
        digits = READOUT_DIGITS if profile.protocol == CJT188 else DI_DIGITS
        if by_number and not meter.unit and len(meter.serial) != digits:
            problems.append(
                problem(
                    "WP-BUS-090",
                    f"meter[{index}].address",
                    "the number of a meter of the model {profile} has {digits} digits, not {found}",
                    "write all digits of its plate with leading zeros; of a CJ/T 188 meter, with the maker's code",
                    profile=meter.profile,
                    digits=digits,
                    found=len(meter.serial),
                )
            )
        line_kinds = ("rtu",) if by_number else profile.transport
        if transports[meter.bus] not in line_kinds:
            problems.append(
                problem(
                    "WP-CFG-035",
                    f"meter[{index}].bus",
                    "the model {profile} does not speak {transport}",
                    "connect it to a bus of the kind: {known}",
                    profile=meter.profile,
                    transport=transports[meter.bus],
                    known=", ".join(line_kinds),
                )
            )
    return problems


def check_budget(configuration: Configuration) -> list[Problem]:
    """Return a problem for every serial bus that cannot be swept within the cycle."""
    problems: list[Problem] = []
    site = configuration.site
    for index, bus in enumerate(site.buses):
        needed_us = sweep_us(jobs_of(site, configuration.profiles, bus), bus, site.slow_sweeps)
        if has_line(bus.port) and needed_us > configuration.site.cycle_s * 1_000_000:
            problems.append(
                problem(
                    "WP-CFG-036",
                    f"bus[{index}]",
                    "a sweep of bus {bus} takes {needed} s but the cycle is {cycle} s",
                    "raise gateway.cycle, raise the baud rate, or move meters to another bus",
                    bus=bus.name,
                    needed=f"{needed_us / 1e6:.1f}",
                    cycle=configuration.site.cycle_s,
                )
            )
    return problems
