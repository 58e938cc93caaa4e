"""Green Button: a reader made from the structure of Atom and of the ESPI schema alone accepts the feed."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID
from xml.etree.ElementTree import Element, parse

import pytest

from gateway.core.record import Account
from gateway.figures import current, records_of
from gateway.tests.exported_day import STEPS, exported_day, write
from gateway.tests.small_park import DAY_START_S, SmallPark

ATOM, ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
# Of the schema of ESPI, what a feed of intervals uses: children in their order; + may repeat, ! must be there.
SHAPES = {
    "UsagePoint": ("roleFlags", "ServiceCategory", "status"),
    "ServiceCategory": ("kind!",),
    "LocalTimeParameters": ("dstEndRule!", "dstOffset!", "dstStartRule!", "tzOffset!"),
    "MeterReading": (),
    "ReadingType": (
        "accumulationBehaviour", "commodity", "consumptionTier", "currency", "dataQualifier", "defaultQuality",
        "flowDirection", "intervalLength", "kind", "phase", "powerOfTenMultiplier", "timeAttribute", "tou", "uom",
    ),
    "IntervalBlock": ("interval", "IntervalReading+"),
    "interval": ("duration", "start"),
    "IntervalReading": ("cost", "ReadingQuality+", "timePeriod", "value"),
    "ReadingQuality": ("quality!",),
    "timePeriod": ("duration", "start"),
}  # fmt: skip
FIELDS = ("timePeriod/start", "timePeriod/duration", "value", "ReadingQuality/quality")
INT48_MAX = (1 << 47) - 1


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPark]:
    with exported_day(tmp_path_factory.mktemp("park")) as one:
        yield one


@pytest.fixture(scope="module")
def feed(park: SmallPark, tmp_path_factory: pytest.TempPathFactory) -> Element:
    (path,) = write(park, "espi", tmp_path_factory.mktemp("out") / "day.xml")
    return parse(path).getroot()


def check_shape(element: Element) -> None:
    """Fail where an element has children that the schema does not have, or has elsewhere."""
    name = element.tag.removeprefix(ESPI)
    assert name != element.tag
    if name not in SHAPES:
        assert not len(element) and int(element.text or "", 16 if name.endswith("Rule") else 10) >= 0
        return
    wanted = [one.rstrip("+!") for one in SHAPES[name]]
    places = [wanted.index(child.tag.removeprefix(ESPI)) for child in element]
    assert places == sorted(places)
    for index, one in enumerate(SHAPES[name]):
        assert one.endswith("+") or places.count(index) <= 1
        assert not one.endswith("!") or places.count(index) == 1
    for child in element:
        check_shape(child)


def contents(feed: Element, name: str) -> list[tuple[Element, Element]]:
    """Return (entry, resource) of the resources called *name*."""
    found = [(entry, entry.find(f"{ATOM}content/{ESPI}{name}")) for entry in feed.findall(ATOM + "entry")]
    return [(entry, resource) for entry, resource in found if resource is not None]


def link(entry: Element, rel: str) -> list[str]:
    return [one.attrib["href"] for one in entry.findall(ATOM + "link") if one.attrib["rel"] == rel]


def number(element: Element, path: str) -> int:
    return int(element.findtext("/".join(ESPI + step for step in path.split("/"))) or "")


def test_the_feed_is_atom(feed: Element) -> None:
    """Feed and entries have what RFC 4287 wants; ids are UUIDs and no two are the same; one resource an entry."""
    assert feed.tag == ATOM + "feed"
    ids = [feed.findtext(ATOM + "id")]
    for entry in feed.findall(ATOM + "entry"):
        assert [child.tag for child in entry if child.tag in (ATOM + "title", ATOM + "updated", ATOM + "published")]
        assert len(link(entry, "self")) == len(link(entry, "up")) == 1
        assert len(entry.findall(ATOM + "content")) == 1 and len(entry.find(ATOM + "content") or ()) == 1
        ids.append(entry.findtext(ATOM + "id"))
    for one in ids:
        assert one is not None and str(UUID(one.removeprefix("urn:uuid:"))) == one.removeprefix("urn:uuid:")
    assert len(set(ids)) == len(ids)


def test_resources_have_the_shape_of_the_schema(feed: Element) -> None:
    """Every resource has children of the schema's names, in its order, with whole numbers where it wants them."""
    for entry in feed.findall(ATOM + "entry"):
        for resource in entry.find(ATOM + "content") or ():
            check_shape(resource)


def test_links_lead_from_the_point_to_its_readings(feed: Element) -> None:
    """Usage points lead to meter readings, these to their reading type and blocks: Wh, forward (1) and reverse (19)."""
    up = {link(entry, "up")[0] for entry, _ in contents(feed, "MeterReading")}
    for entry, _ in contents(feed, "UsagePoint"):
        assert set(link(entry, "related")) & up
    kinds = {link(entry, "self")[0]: kind for entry, kind in contents(feed, "ReadingType")}
    blocks = {link(entry, "up")[0] for entry, _ in contents(feed, "IntervalBlock")}
    for entry, _ in contents(feed, "MeterReading"):
        to_kind, to_blocks = set(link(entry, "related")) & set(kinds), set(link(entry, "related")) & blocks
        assert len(to_kind) == len(to_blocks) == 1
    directions = sorted(number(kind, "flowDirection") for kind in kinds.values())
    assert directions == [1, 19]
    for kind in kinds.values():
        assert (number(kind, "uom"), number(kind, "powerOfTenMultiplier")) == (72, 0)
        assert (number(kind, "intervalLength"), number(kind, "commodity"), number(kind, "kind")) == (900, 1, 12)


def test_readings_are_the_energies(park: SmallPark, feed: Element) -> None:
    """Every energy of the records stands in the feed with its time; the halves of the gap have quality 9."""
    points = {link(entry, "self")[0]: entry.findtext(ATOM + "title") or "" for entry, _ in contents(feed, "UsagePoint")}
    found: dict[tuple[str, int], list[tuple[int, int, int, int]]] = defaultdict(list)
    for entry, block in contents(feed, "IntervalBlock"):
        path = link(entry, "up")[0]
        point = next(name for prefix, name in points.items() if path.startswith(prefix))
        direction = int(path.split("/MeterReading/")[1].split("-")[0])
        rows = [
            tuple(number(row, step) for step in FIELDS)
            for row in block.findall(ESPI + "IntervalReading")
        ]  # fmt: skip
        assert number(block, "interval/start") == rows[0][0]
        assert number(block, "interval/duration") == sum(row[1] for row in rows)
        found[point, direction] += [(row[0], row[1], row[2], row[3]) for row in rows]
    records = [row for _, row in current(records_of(park.journal, DAY_START_S, DAY_START_S + 86400))]
    accounts = [row for row in records if isinstance(row, Account)]
    assert len(accounts) == STEPS
    for name in ("Intake", "Roof", "Mill", "Battery"):
        for direction, field in ((1, "import_wh"), (19, "export_wh")):
            expected = []
            for one in accounts:
                (energy,) = [row for row in one.energies if row.meter_point == name]
                quality = 9 if "E" in energy.flag else 0
                expected.append((one.start_s, one.end_s - one.start_s, getattr(energy, field), quality))
            assert found[name, direction] == expected
            assert all(0 <= row[2] <= INT48_MAX for row in expected)


def test_names_are_escaped(tmp_path: Path) -> None:
    """A meter point with marks of XML in its name reads back as it was."""
    with exported_day(tmp_path) as park:
        text = (park.home / "gateway.toml").read_text(encoding="utf-8")
        park.configure(text.replace('park = "Test park"', 'park = "A & B <1>"'))
        for step in (STEPS + 1, STEPS + 2):
            park.read_at(DAY_START_S + 900 * step)
        (path,) = write(park, "espi", tmp_path / "day.xml")
    assert parse(path).getroot().findtext(ATOM + "title") == "A & B <1> 2026-11-21"
