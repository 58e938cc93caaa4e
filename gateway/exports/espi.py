"""Green Button: intervals as an Atom feed of NAESB ESPI (REQ.21) resources.

One UsagePoint a meter point; for each direction a MeterReading with its ReadingType (Wh of an interval, forward or
reverse), and an IntervalBlock for each park day. Forward (1) is the import of the meter point, reverse (19) its export,
both from its own view. Every id and address follows from names, so the same figures give the same feed.
"""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr

from gateway.core.account.quality import quality_of
from gateway.core.park_day import PARK_OFFSET_S, park_day
from gateway.exports.points import point_intervals
from gateway.exports.stretch import Stretch
from gateway.exports.text import one_line, utc

FORWARD, REVERSE = 1, 19
_WH, _ELECTRICITY, _ENERGY, _DELTAS, _NORMAL, _THREE_PHASES = 72, 1, 12, 4, 12, 224
_ATOM, _ESPI = "http://www.w3.org/2005/Atom", "http://naesb.org/espi"


class _Channel(NamedTuple):
    """One direction of one meter point in intervals of one length."""

    meter_point: str
    direction: int
    length_s: int


class _Reading(NamedTuple):
    start_s: int
    length_s: int
    wh: int
    quality: int


class _Feed:
    """The addresses and the entries of one gateway's feed."""

    def __init__(self, stretch: Stretch) -> None:
        self.gateway = stretch.gateway
        self.updated = utc(stretch.last_s)
        self._numbers: dict[str, int] = {}

    def entry(self, path: str, up: str, related: list[str], title: str, content: str) -> bytes:
        links = [("self", path), ("up", up)] + [("related", one) for one in related]
        lines = ["<entry>", "<id>%s</id>" % self.id(path)]
        lines += ["<link rel=%s href=%s/>" % (quoteattr(rel), quoteattr(href)) for rel, href in links]
        lines += ["<title>%s</title>" % escape(one_line(title)), "<content>", content, "</content>"]
        lines += ["<published>%s</published>" % self.updated, "<updated>%s</updated>" % self.updated, "</entry>"]
        return ("\n".join(lines) + "\n").encode()

    def id(self, path: str) -> str:
        return "urn:uuid:%s" % uuid5(NAMESPACE_URL, "urn:wattproof:%s:%s" % (self.gateway, path))

    def usage_points(self) -> str:
        return "RetailCustomer/%s/UsagePoint" % self.gateway

    def usage_point(self, meter_point: str) -> str:
        return "%s/%s" % (self.usage_points(), uuid5(NAMESPACE_URL, "urn:wattproof:point:" + meter_point))

    def meter_reading(self, channel: _Channel) -> str:
        return "%s/MeterReading/%d-%d" % (self.usage_point(channel.meter_point), channel.direction, channel.length_s)


def espi_feed(stretch: Stretch) -> Iterator[bytes]:
    """Yield the feed of a stretch."""
    feed = _Feed(stretch)
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="%s">\n<id>%s</id>\n<title>%s</title>\n'
        '<updated>%s</updated>\n<link rel="self" href=%s/>\n'
        % (
            _ATOM, feed.id("feed/" + stretch.name), escape("%s %s" % (one_line(stretch.park), stretch.name)),
            feed.updated, quoteattr(feed.usage_points()),
        )
    ).encode()  # fmt: skip
    yield _local_time(feed)
    known: set[_Channel] = set()
    held: dict[_Channel, list[_Reading]] = {}
    day = park_day(stretch.first_s)
    for row, account in stretch.accounts():
        if park_day(account.start_s) != day:
            yield from _blocks(feed, day, held)
            day, held = park_day(account.start_s), {}
        length_s = row.terms.site.interval_s
        for one in point_intervals(row.terms, account):
            quality = quality_of(one.energy.flag).espi
            for direction, wh in ((FORWARD, one.energy.import_wh), (REVERSE, one.energy.export_wh)):
                channel = _Channel(one.point.name, direction, length_s)
                if channel not in known:
                    yield from _resources(feed, channel, known)
                    known.add(channel)
                reading = _Reading(account.start_s, account.end_s - account.start_s, wh, quality)
                held.setdefault(channel, []).append(reading)
    yield from _blocks(feed, day, held)
    yield b"</feed>\n"


def _local_time(feed: _Feed) -> bytes:
    path = "LocalTimeParameters/park"
    content = (
        '<LocalTimeParameters xmlns="%s">\n<dstEndRule>00000000</dstEndRule>\n<dstOffset>0</dstOffset>\n'
        "<dstStartRule>00000000</dstStartRule>\n<tzOffset>%d</tzOffset>\n</LocalTimeParameters>"
    ) % (_ESPI, PARK_OFFSET_S)
    return feed.entry(path, "LocalTimeParameters", [], "Local time of the park", content)


def _resources(feed: _Feed, channel: _Channel, known: set[_Channel]) -> Iterator[bytes]:
    """Yield what must be said of a channel before its readings, and of its meter point before its first channel."""
    point, reading = feed.usage_point(channel.meter_point), feed.meter_reading(channel)
    if channel.meter_point not in {one.meter_point for one in known}:
        content = (
            '<UsagePoint xmlns="%s">\n<ServiceCategory>\n<kind>0</kind>\n</ServiceCategory>\n</UsagePoint>' % _ESPI
        )
        related = [point + "/MeterReading", "LocalTimeParameters/park"]
        yield feed.entry(point, feed.usage_points(), related, channel.meter_point, content)
    way = "import" if channel.direction == FORWARD else "export"
    kind = "ReadingType/%d-%d" % (channel.direction, channel.length_s)
    yield feed.entry(
        reading, point + "/MeterReading", [reading + "/IntervalBlock", kind],
        "%s, %s" % (channel.meter_point, way), '<MeterReading xmlns="%s"/>' % _ESPI,
    )  # fmt: skip
    if (channel.direction, channel.length_s) in {(one.direction, one.length_s) for one in known}:
        return
    fields = (
        ("accumulationBehaviour", _DELTAS), ("commodity", _ELECTRICITY), ("dataQualifier", _NORMAL),
        ("flowDirection", channel.direction), ("intervalLength", channel.length_s), ("kind", _ENERGY),
        ("phase", _THREE_PHASES), ("powerOfTenMultiplier", 0), ("timeAttribute", 0), ("uom", _WH),
    )  # fmt: skip
    lines = ["<%s>%d</%s>" % (name, value, name) for name, value in fields]
    content = '<ReadingType xmlns="%s">\n%s\n</ReadingType>' % (_ESPI, "\n".join(lines))
    yield feed.entry(kind, "ReadingType", [], "Wh of an interval, %s" % way, content)


def _blocks(feed: _Feed, day: int, held: dict[_Channel, list[_Reading]]) -> Iterator[bytes]:
    for channel, readings in sorted(held.items()):
        path = feed.meter_reading(channel) + "/IntervalBlock"
        first_s, end_s = readings[0].start_s, readings[-1].start_s + readings[-1].length_s
        lines = ['<IntervalBlock xmlns="%s">' % _ESPI, "<interval>", *_period(first_s, end_s - first_s), "</interval>"]
        for one in readings:
            lines += ["<IntervalReading>", "<ReadingQuality><quality>%d</quality></ReadingQuality>" % one.quality]
            lines += ["<timePeriod>", *_period(one.start_s, one.length_s), "</timePeriod>"]
            lines += ["<value>%d</value>" % one.wh, "</IntervalReading>"]
        title = "%s, day %d" % (channel.meter_point, day)
        yield feed.entry("%s/%d" % (path, day), path, [], title, "\n".join([*lines, "</IntervalBlock>"]))


def _period(start_s: int, length_s: int) -> list[str]:
    return ["<duration>%d</duration>" % length_s, "<start>%d</start>" % start_s]
