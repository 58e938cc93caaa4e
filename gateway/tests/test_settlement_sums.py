"""Properties of the settlement alone: whatever the clock, the line and the order of answers do, no count is lost."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.account.factor import FactorTable
from gateway.core.account.interval import Span
from gateway.core.boundary import Boundary, rest_wh
from gateway.core.channel import Channel
from gateway.core.late_truth import Late
from gateway.core.meter.profile import Point
from gateway.core.reading import Reading
from gateway.core.settlement import ClosedInterval, Settlement
from gateway.core.site import MeterPoint, SelfUseRule, Site

QUANTITY = "energy_active_import"
METERS = ("m1", "m2", "m3")
WRAP = 100_000_000  # eight digits; the first reading is shortly before it begins anew
COUNT_WH = 10
POINT = Point(
    QUANTITY, QUANTITY, 3, 0, 2, "u32", "high-first", (1, 100), "kWh", "direct", (), True, WRAP, (), None, "", True
)  # fmt: skip
BASE_S = 1_800_000_000
ONE = ((1, 1), (1, 1))


@dataclass
class Visit:
    """One round of questions: how long after the last, who answers in which order, and how wrong the clock is.

    waits: the settlement is asked again only when the hold time is over.
    """

    after_s: int
    answering: list[str]
    clock_s: int
    counts: int
    late_ms: int
    waits: bool


VISITS = st.builds(
    Visit,
    st.sampled_from((5, 20, 40, 56, 57, 58, 60, 60, 61, 300, 900, 3600)),
    st.permutations(METERS).flatmap(lambda order: st.integers(0, 3).map(lambda silent: list(order)[silent:])),
    st.sampled_from((0,) * 8 + (-3600, -65, 30, 400, 4000)),
    st.integers(0, 90_000),
    st.integers(0, 9000),
    st.booleans(),
)


@dataclass
class Life:
    """A settlement, the registers it reads, and all spans that came of them."""

    minutes: int
    boundary: str
    counts: int = 99_500_000
    latest_s: int = BASE_S
    spans: dict[str, list[Span]] = field(default_factory=lambda: {name: [] for name in METERS})

    def __post_init__(self) -> None:
        points = tuple(MeterPoint(name, "load", name, "LV", "", "", False) for name in METERS)
        rule = SelfUseRule(3600, "proportional", "user", "renewable")
        site = Site(
            "g", "p", self.minutes * 60, 5, 60, 15, rule, "Jiangsu", (), (), (), points, (), 60, self.boundary, "linear"
        )  # fmt: skip
        self.channels = {name: Channel(name, QUANTITY, POINT, ONE, 0) for name in METERS}
        self.settlement = Settlement(site, tuple(self.channels.values()), FactorTable(()))

    def read(self, at_ms: int, names: list[str], waits: bool = False) -> None:
        """Let the meters answer one after the other, then close what is complete, or what was waited for."""
        for number, name in enumerate(names):
            shown = self.counts % WRAP
            words = (shown >> 16, shown & 0xFFFF)
            self.settlement.take(Reading(name, QUANTITY, at_ms + 90 * number, words, shown * COUNT_WH))
        self.latest_s = max(self.latest_s, at_ms // 1000)
        while True:
            closed = self.settlement.close(at_ms + (20_000 if waits else 400))
            for one in closed:
                if isinstance(one, (ClosedInterval, Late)):
                    for span in one.spans:
                        self.spans[span.meter].append(span)
            if not closed and self.settlement.ending_s is None:
                return


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from((1, 5, 10, 15, 30, 60)),
    st.sampled_from(("first-after", "interpolated")),
    st.lists(VISITS, min_size=3, max_size=40),
)
def test_intervals_add_up_to_the_registers(minutes: int, boundary: str, visits: list[Visit]) -> None:
    """Of every register, all spans together are last minus first, to the watt-hour; none gives a negative energy."""
    life = Life(minutes, boundary)
    life.read(BASE_S * 1000 + 200, list(METERS))
    begin = life.counts
    at_s = BASE_S
    for visit in visits:
        at_s += visit.after_s
        life.counts += visit.counts
        life.read((at_s + visit.clock_s) * 1000 + visit.late_ms, visit.answering, visit.waits)
    life.counts += 7
    for hour in (1, 2):
        life.read((life.latest_s // 3600 + hour) * 3_600_000 + 200, list(METERS))
    for name, spans in life.spans.items():
        assert all(span.energy_wh >= 0 for span in spans)
        first = next(span for span in spans if span.start_words)
        start = Boundary(0, first.start_words, first.start_ms, first.start_before)
        assert rest_wh(life.channels[name], start) == 0
        assert sum(span.energy_wh for span in spans) == (life.counts - begin) * COUNT_WH
