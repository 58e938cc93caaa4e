"""Late truth: registers that come after their intervals were closed, and what then follows from them."""

from gateway.core.account.factor import read_factors
from gateway.core.account.interval import Span
from gateway.core.account.storage import amount, pool_of
from gateway.core.flag import LIKE_DAY_SHAPE, MISSING, MOVED
from gateway.core.late_truth import Books, Late, Past, with_late
from gateway.core.like_day import MOST_PARTS, WEEK_S, like_weights
from gateway.core.meter.profile import Point
from gateway.core.reading import Frozen, Reading
from gateway.core.settlement import CARRIED_MOST, Channel, ClosedInterval, ClosedPeriod, Settlement
from gateway.core.site import LIKE_DAY, LINEAR, MIXING, MeterPoint, SelfUseRule, Site, Storage

ONE = ((1, 1), (1, 1))
BASE_S = 1800000000  # a whole hour; times in these tests count from here
IMPORT, EXPORT = "energy_active_import", "energy_active_export"
REGISTERS = (("m1", IMPORT), ("m2", IMPORT), ("m3", IMPORT), ("m3", EXPORT))
FACTORS = read_factors(
    {"set": [{"id": "t", "basis": "b", "source": "s", "valid_from": "1970-01-01", "grid": {"*": "0.5"}}]}
)[0]


def register(quantity):
    """Return a register that counts 10 Wh."""
    return Point(
        quantity, quantity, 3, 0, 2, "u32", "high-first", (1, 100), "kWh", "direct", (), True, 1 << 32, (), None, "",
        True,
    )  # fmt: skip


def site(interval_s=60, gap=LINEAR, period_s=120):
    """Return a park of an intake, a mill and a battery without losses."""
    points = (
        MeterPoint("Intake", "intake", "m1", "LV", "", "grid", False),
        MeterPoint("Mill", "load", "m2", "LV", "", "", False),
        MeterPoint("Battery", "storage", "m3", "LV", "", "storage", False),
    )
    return Site(
        "g", "p", interval_s, 5, 60, 15, SelfUseRule(period_s, "proportional", "user", "renewable"), "", ("t",), (), (),
        points, (Storage("Battery", 0, "grid", 1000, MIXING),), 60, "first-after", gap,
    )  # fmt: skip


class Kept(Books):
    """Books that keep all that is closed, in memory."""

    def __init__(self):
        self.pasts = {}
        self.periods = []

    def keep(self, of, closed):
        """Keep what a settlement of a site returned."""
        for one in closed:
            if isinstance(one, ClosedInterval):
                self.pasts[one.start_s] = Past(
                    of, FACTORS, one.start_s, one.end_s, one.spans, one.energies, one.pools_before, ()
                )
            elif isinstance(one, ClosedPeriod):
                self.periods.append((one.start_s, one.end_s))
            elif one.whole:
                past = self.pasts[one.start_s]
                self.pasts[one.start_s] = Past(
                    of, FACTORS, one.start_s, one.end_s, with_late(past.spans, one.spans), one.energies,
                    one.pools_before, (),
                )  # fmt: skip

    def interval(self, at_s):
        found = [past for past in self.pasts.values() if past.start_s <= at_s < past.end_s]
        return found[0] if found else None

    def period(self, at_s):
        found = [period for period in self.periods if period[0] <= at_s < period[1]]
        return found[0] if found else None


class Park:
    """A park whose intake takes 100 Wh a minute, of which the mill uses 60 and the battery is charged with 40."""

    def __init__(self, books=None, interval_s=60, gap=LINEAR, period_s=120):
        self.site = site(interval_s, gap, period_s)
        self.books = books
        channels = tuple([Channel(meter, quantity, register(quantity), ONE, 0) for meter, quantity in REGISTERS])
        self.settlement = Settlement(self.site, channels, FACTORS, None, books)
        self.closed = []

    def minute(self, number, silent=(), after_ms=0):
        """Let a minute end at which all meters but the *silent* ones are read; return what is closed."""
        counts = {
            ("m1", IMPORT): 10 * number,
            ("m2", IMPORT): 6 * number,
            ("m3", IMPORT): 4 * number,
            ("m3", EXPORT): 0,
        }
        at_ms = (BASE_S + 60 * number) * 1000
        for meter, quantity in REGISTERS:
            if meter not in silent:
                words = (0, counts[(meter, quantity)])
                self.settlement.take(Reading(meter, quantity, at_ms + after_ms, words, 10 * words[1]))
        closed = self.settlement.close(at_ms + (15001 if silent else after_ms))
        if isinstance(self.books, Kept):
            self.books.keep(self.site, closed)
        self.closed += closed
        return closed

    def run(self, minutes, silent=lambda number: ()):
        for number in range(minutes + 1):
            self.minute(number, silent(number))
        return self


def lates(closed):
    return [one for one in closed if isinstance(one, Late)]


def periods(closed):
    return [one for one in closed if isinstance(one, ClosedPeriod)]


def cells(rows):
    return {(row.source, row.sink): row.wh for row in rows}


def battery_silent(first, last):
    """Return which meters are silent in which minute: the battery's from *first* to *last*."""
    return lambda number: ("m3",) if first <= number <= last else ()


def test_what_came_late_leaves_the_storage_as_if_it_had_been_there():
    """A charge that was not seen in its minute is in the storage afterwards, and the period holds it."""
    late = Park(Kept()).run(2, battery_silent(1, 1))
    whole = Park(Kept()).run(2)
    assert late.settlement.pools == whole.settlement.pools == (pool_of("Battery", (("grid", 80),)),)
    (amendment,) = lates(late.closed)
    assert amendment.whole and (amendment.start_s, amendment.end_s) == (BASE_S, BASE_S + 60)
    assert cells(amendment.allocations) == {("Intake", "Mill"): 60, ("Intake", "Battery"): 40}
    assert amendment.residuals == ()
    assert amendment.pools_after == (pool_of("Battery", (("grid", 40),)),)
    first, second = [one for one in late.closed if isinstance(one, ClosedInterval)]
    assert [(row.source, row.wh) for row in first.residuals] == [("Intake", 40)]
    assert second.pools_before == amendment.pools_after
    assert periods(late.closed)[0][:4] == periods(whole.closed)[0][:4]


def test_a_period_that_was_closed_is_closed_again_with_what_came_late():
    """Two minutes without the battery, the end of a period among them: the period is told again, and as late."""
    late = Park(Kept()).run(3, battery_silent(1, 2))
    whole = Park(Kept()).run(3)
    assert [(one.start_s - BASE_S, one.late) for one in periods(late.closed)] == [(0, False), (0, True)]
    assert periods(late.closed)[1][:4] == periods(whole.closed)[0][:4]
    assert [one.start_s - BASE_S for one in lates(late.closed)] == [0, 60]
    assert late.settlement.pools == whole.settlement.pools


def test_a_period_of_which_an_interval_is_gone_stays_as_it_was():
    """The amendment of the interval that is kept is told, and no period is made of half of it."""
    late = Park(Kept())
    for number in range(3):
        late.minute(number, battery_silent(1, 2)(number))
    del late.books.pasts[BASE_S]
    closed = late.minute(3)
    assert [(one.start_s - BASE_S, one.whole) for one in lates(closed)] == [(0, False), (60, True)]
    assert periods(closed) == []


def test_an_interval_kept_by_another_length_is_not_amended_whole():
    """Where the books have an interval of other bounds, only the late energies are told."""
    late = Park(Kept())
    for number in range(2):
        late.minute(number, battery_silent(1, 1)(number))
    past = late.books.pasts[BASE_S]
    late.books.pasts[BASE_S] = Past(past[0], past[1], BASE_S, BASE_S + 900, *past[4:])
    (amendment,) = lates(late.minute(2))
    assert not amendment.whole and amendment.allocations == ()
    assert [(one.meter_point, one.import_wh) for one in amendment.energies] == [("Battery", 40)]


def charge_of(number, wh):
    """Return a span of the battery in a minute by which it was charged with *wh*."""
    at_ms = (BASE_S + 60 * number) * 1000
    return Span("m3", IMPORT, (0, 0), at_ms, (0, wh // 10), at_ms + 60000, 0, 1, wh, "", (), (), 0, 0)


def amend(park, number, wh):
    """Amend a minute of a park; return what is told."""
    rows = [(BASE_S + 60 * number, BASE_S + 60 * number + 60, (charge_of(number, wh),))]
    return park.settlement.amend_closed(rows)


def test_another_charge_is_carried_through_all_intervals_after_it():
    """Half of a charge: the storage holds 20 less in every interval since, and at the open one; periods follow."""
    park = Park(Kept()).run(5)
    told = amend(park, 1, 20)
    assert [one.start_s - BASE_S for one in lates(told)] == [60, 120, 180, 240]
    assert [len(one.spans) for one in lates(told)] == [1, 0, 0, 0]
    assert [dict(one.pools_after[0].content)["grid"] for one in lates(told)] == [60, 100, 140, 180]
    assert park.settlement.pools == (pool_of("Battery", (("grid", 180),)),)
    assert [(one.start_s - BASE_S, one.end_s - BASE_S) for one in periods(told)] == [(0, 120), (120, 240)]
    assert lates(told)[1].energies == park.books.pasts[BASE_S + 120].energies


def test_the_same_charge_changes_no_interval_after_it():
    """What the storage held stays the same: one amendment, and the period that it lies in."""
    park = Park(Kept()).run(5)
    told = amend(park, 0, 40)
    assert [one.start_s - BASE_S for one in lates(told)] == [0]
    assert [(one.start_s - BASE_S, one.late) for one in periods(told)] == [(0, True)]
    assert park.settlement.pools == (pool_of("Battery", (("grid", 200),)),)


def test_nothing_is_carried_over_intervals_that_are_gone():
    """Behind a gap in the books nobody knows what the storage held: it stays as it was."""
    park = Park(Kept()).run(5)
    del park.books.pasts[BASE_S + 120]
    told = amend(park, 1, 20)
    assert [one.start_s - BASE_S for one in lates(told)] == [60]
    assert park.settlement.pools == (pool_of("Battery", (("grid", 200),)),)


def test_what_is_carried_on_has_an_end():
    """An amendment a very long time ago is carried through so many intervals, and no further."""

    class Endless(Books):
        """Every minute there ever was, with a battery that nobody used."""

        def interval(self, at_s):
            start_s = at_s // 60 * 60
            return Past(of, FACTORS, start_s, start_s + 60, (charge_of(0, 0),), (), (pool_of("Battery", ()),), ())

    of = site()
    park = Park(Endless())
    park.minute(0)
    told = park.settlement.amend_closed(
        [(BASE_S - 10**6 // 60 * 60, BASE_S - 10**6 // 60 * 60 + 60, (charge_of(0, 30),))]
    )
    assert len(told) == 1 + CARRIED_MOST
    assert park.settlement.pools == (pool_of("Battery", ()),)


def test_what_the_clock_moved_over_says_so():
    """UTC before and after does not join: the energy stands, and the span that it lies in is flagged, once."""
    park = Park(Kept())
    park.minute(0)
    park.settlement.clock_moved()
    first, second = park.minute(1)[0], park.minute(2)[0]
    assert {span.flag for span in first.spans} == {MOVED} and {span.flag for span in second.spans} == {""}
    assert [one.import_wh for one in first.energies] == [100, 60, 40]


def test_a_reading_of_an_older_boundary_does_not_take_the_place_of_a_newer_one():
    """What waits for its interval stays, whatever comes after it; a kept register of no boundary stands for none."""
    park = Park()
    park.settlement.take(Reading("m1", IMPORT, BASE_S * 1000 + 60000, (0, 9), 90))
    park.settlement.take(Reading("m1", IMPORT, BASE_S * 1000, (0, 5), 50))
    assert park.settlement.candidates[("m1", IMPORT)].words == (0, 9)
    park.settlement.take(Frozen("m2", IMPORT, BASE_S * 1000 + 5000, (0, 5), 50))
    assert ("m2", IMPORT) not in park.settlement.candidates


def test_intervals_of_another_length_stay_as_they_are():
    """The battery is back after the minutes became five: they are amended one by one, the open one ends at five."""
    before = Park(Kept()).run(2, battery_silent(1, 2))
    after = Park(before.books, 300)
    after.settlement.restore(before.settlement.state(), [])
    again = Park(before.books, 300)  # a second restart knows no more and no less
    again.settlement.restore(after.settlement.state(), [])
    closed = again.minute(5)
    assert [(one.start_s - BASE_S, one.end_s - BASE_S) for one in lates(closed)] == [(0, 60), (60, 120)]
    assert [one.energies[2].import_wh for one in lates(closed)] == [67, 67]  # 200 Wh in three intervals
    (last,) = [one for one in closed if isinstance(one, ClosedInterval)]
    assert (last.start_s - BASE_S, last.end_s - BASE_S) == (120, 300)
    assert [(one.import_wh, MISSING in one.flag) for one in last.energies] == [(300, False), (180, False), (66, False)]
    assert amount(again.settlement.pools[0].content) == 200


def test_intervals_of_two_lengths_before_stay_as_they_are():
    """Minutes, then five, then minutes again: a battery that was silent all the time is amended in all of them."""
    park = Park(Kept()).run(2, battery_silent(1, 2))
    for interval_s, numbers in ((300, (5, 10)), (60, ())):
        state = park.settlement.state()
        park = Park(park.books, interval_s)
        park.settlement.restore(state, [])
        for number in numbers:
            park.minute(number, ("m3",))
    closed = park.minute(11)
    assert [(one.start_s - BASE_S, one.end_s - BASE_S) for one in lates(closed)] == [
        (0, 60), (60, 120), (120, 300), (300, 600),
    ]  # fmt: skip
    (last,) = [one for one in closed if isinstance(one, ClosedInterval)]
    assert (last.start_s - BASE_S, last.end_s - BASE_S) == (600, 660)
    assert sum([one.energies[2].import_wh for one in lates(closed) + [last]]) == 440  # noqa: RUF005 - no (*a,) there


def test_a_gap_has_the_shape_of_the_same_minutes_of_the_weeks_before():
    """The battery charged 10, 20, 30 and 20 a week ago: of the 160 of the gap these are 20, 40, 60 and 40."""
    books = Kept()
    for number, wh in enumerate((10, 20, 30, 20)):
        start_s = BASE_S + 60 * number - WEEK_S
        books.pasts[start_s] = Past(site(), FACTORS, start_s, start_s + 60, (charge_of(0, wh),), (), (), ())
    park = Park(books, gap=LIKE_DAY)
    park.minute(0)
    closed = [one for one in park.minute(4) if isinstance(one, ClosedInterval)]
    spans = [[span for span in one.spans if (span.meter, span.quantity) == ("m3", IMPORT)][0] for one in closed]
    assert [(span.energy_wh, span.flag) for span in spans] == [
        (20, LIKE_DAY_SHAPE), (40, LIKE_DAY_SHAPE), (60, LIKE_DAY_SHAPE), (40, LIKE_DAY_SHAPE),
    ]  # fmt: skip
    assert [(span.weight, span.weights) for span in spans] == [(10, 80), (20, 80), (30, 80), (20, 80)]
    assert [one.spans[0].energy_wh for one in closed] == [100] * 4  # of the intake nothing is known a week ago


def test_only_weeks_that_were_measured_whole_give_a_shape():
    """A minute that is gone, of other bounds, or estimated makes its week none; of whole weeks the sum counts."""
    books = Kept()
    key, boundaries = ("m3", IMPORT), [BASE_S, BASE_S + 60, BASE_S + 120]

    def put(week, number, wh, flag="", end_s=60):
        start_s = BASE_S + 60 * number - week * WEEK_S
        span = Span(*charge_of(0, wh)[:9], flag, (), (), 0, 0)
        books.pasts[start_s] = Past(site(), FACTORS, start_s, start_s + end_s, (span,), (), (), ())

    assert like_weights(books, key, boundaries) == ()
    put(1, 0, 10)
    assert like_weights(books, key, boundaries) == ()
    put(1, 1, 20)
    assert like_weights(books, key, boundaries) == (10, 20)
    put(3, 0, 7)
    put(3, 1, 5)
    assert like_weights(books, key, boundaries) == (17, 25)
    put(1, 1, 20, MISSING)
    assert like_weights(books, key, boundaries) == (7, 5)
    put(3, 1, 5, "", 900)
    assert like_weights(books, key, boundaries) == ()
    assert like_weights(books, key, list(range(MOST_PARTS + 2))) == ()
    assert Books().period(BASE_S) is None
