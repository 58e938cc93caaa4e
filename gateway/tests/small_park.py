"""A small park with a clock of its own: four meters, one busbar, a battery; for tests that need closed intervals."""

from pathlib import Path

from cloud_sync.core.receipt import Receipt
from cloud_sync.core.topic import down_topic
from cloud_sync.keys import SUITES, Signer, load_signer, new_key
from cloud_sync.seal import seal_answer
from gateway.clock import Clock
from gateway.config import Configuration, load
from gateway.core.reading import Reading
from gateway.core.settlement import account_channels
from gateway.core.time_keeping import ClockFacts
from gateway.journal import Journal
from gateway.recorder import Recorder, journal_path, key_path
from gateway.sealing import Acceptance

SITE = """
[gateway]
id = "gw-test"
park = "Test park"
interval = "15 min"
cycle = "15 s"
province = "Jiangsu"
factor_sets = ["NDRC910-trial", "grid-2023"]

[uplink]
broker = "mqtt://127.0.0.1:1883"
platform_key = "keys/platform.pub"

[[bus]]
name = "a"
port = "/dev/ttyUSB0"
line = "9600 8N1"

[[meter]]
name = "m-intake"
bus = "a"
unit = 1
profile = "eastron-sdm630"
max_power = "400 kW"

[[meter]]
name = "m-roof"
bus = "a"
unit = 2
profile = "huawei-sun2000"
max_power = "160 kW"

[[meter]]
name = "m-mill"
bus = "a"
unit = 3
profile = "chint-dtsu666"
ct_ratio = "200/5"
max_power = "400 kW"

[[meter]]
name = "m-battery"
bus = "a"
unit = 4
profile = "acrel-adw300"
max_power = "60 kW"

[[busbar]]
name = "LV1"

[[meter_point]]
name = "Intake"
role = "intake"
meter = "m-intake"
busbar = "LV1"

[[meter_point]]
name = "Roof"
role = "generation"
meter = "m-roof"
busbar = "LV1"
origin = "solar"

[[meter_point]]
name = "Mill"
role = "load"
meter = "m-mill"
busbar = "LV1"

[[meter_point]]
name = "Battery"
role = "storage"
meter = "m-battery"
busbar = "LV1"

[[storage]]
meter_point = "Battery"
initial = "10 kWh"
initial_origin = "grid"
efficiency = "0.85"
"""
# 2026-11-21 00:00 in the park's local time.
DAY_START_S = 1795190400
DAY = "2026-11-21"


class TestClock(Clock):
    """A clock that stands where it is put."""

    __test__ = False

    def __init__(self, now_s: int) -> None:
        self.now_ms = now_s * 1000
        super().__init__()

    def facts(self) -> ClockFacts:
        """Return that the time is right to 5 ms."""
        return ClockFacts(self.now_ms, self.now_ms, 5, True)

    def monotonic_ms(self) -> int:
        """Return the time it was put to."""
        return self.now_ms


class SmallPark:
    """The park, its journal and its books; registers are moved by hand."""

    def __init__(self, home: Path, site: str = SITE, suite: str = "eddsa") -> None:
        """Lay out the park of the configuration *site* in *home*, at the start of the day, with a key of *suite*."""
        self.home = home
        (home / "keys").mkdir()
        (home / "gateway.toml").write_text(site, encoding="utf-8")
        new_key(key_path(home), *SUITES[suite])
        new_key(home / "keys" / "platform.key")
        self.platform: Signer = load_signer(home / "keys" / "platform.key")
        self.configuration: Configuration = load(home)
        self.clock = TestClock(DAY_START_S - 30)
        self.channels = account_channels(self.configuration.site, self.configuration.profiles)
        self.counts = {(channel.meter, channel.quantity): 1_000_000 for channel in self.channels}
        self.silent: set[str] = set()
        self.open()

    def open(self, acceptance: Acceptance | None = None) -> None:
        """Start the gateway's books, as after a restart."""
        self.journal = Journal(journal_path(self.home))
        self.recorder = Recorder(
            self.configuration, self.journal, self.clock, load_signer(key_path(self.home)), acceptance
        )
        self.recorder.start()

    def configure(self, text: str) -> None:
        """Stop, put *text* in the place of the configuration, and start again."""
        self.close()
        (self.home / "gateway.toml").write_text(text, encoding="utf-8")
        self.configuration = load(self.home)
        self.channels = account_channels(self.configuration.site, self.configuration.profiles)
        for channel in self.channels:
            self.counts.setdefault((channel.meter, channel.quantity), 1_000_000)
        self.open(Acceptance("Li Wei", "a test"))

    def count(self, meter: str, quantity: str, counts: int) -> None:
        """Let a register advance by *counts* of its own."""
        self.counts[(meter, quantity)] += counts

    def read_at(self, at_s: int) -> None:
        """Read every register of every meter that is not silent, and close what is complete."""
        self.clock.now_ms = at_s * 1000
        outcomes = []
        for channel in self.channels:
            if channel.meter not in self.silent:
                words = self._words(channel.meter, channel.quantity, channel.point.type)
                outcomes.append(Reading(channel.meter, channel.quantity, at_s * 1000 + 200, words, 0))
        self.recorder.take(outcomes)
        self.clock.now_ms += 300
        self.recorder.close_due()
        self.recorder.cycle()

    def _words(self, meter: str, quantity: str, kind: str) -> tuple[int, ...]:
        count = self.counts[(meter, quantity)]
        if kind == "f32":
            import struct

            count = int.from_bytes(struct.pack(">f", count / 1000), "big")
        return count >> 16, count & 0xFFFF

    def receipt(self) -> None:
        """Let the platform give its receipt for everything."""
        receipt = Receipt(
            "gw-test",
            self.recorder.incarnation,
            self.journal.head_sequence,
            self.journal.head_link,
            self.clock.now_ms,
            b"",
            5,
        )
        signed = seal_answer(receipt, self.platform, down_topic("b0", "gw-test"))
        self.journal.receipted(self.journal.head_sequence, signed)

    def close(self) -> None:
        """Stop the gateway's books."""
        self.recorder.stop()
        self.journal.close()
