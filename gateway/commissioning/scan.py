"""Finds out what answers on a bus: which unit ids, at which line settings, as which models. It only ever reads."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.asker import Answer, Asker
from gateway.commissioning.identification import Identification
from gateway.commissioning.overheard import Overheard, looks_swapped, overheard
from gateway.core.meter.modbus import FrameFault, crc_holds
from gateway.core.meter.profile import DeviceProfile
from gateway.core.reading import CRC, EXCEPTION, SILENT
from gateway.core.site import Bus
from gateway.core.site_reading import UNITS
from gateway.line import LineLostError

# What every unit is asked for a sign of life: a refusal is one, too. Two registers, as some meters only read pairs.
_SIGN_OF_LIFE = (3, 0, 2)
_SECOND_SIGN = (4, 0, 2)  # of those that were silent: some meters leave a function unanswered that they lack
_SECOND_TIMEOUT_MS = 500
_SLOW_TIMEOUT_MS = 1000  # for units that were heard, but too late
_QUIET_MS = 300  # after bytes that nobody understood
_LISTEN_MS = 1500  # another master asks at least once a second or so
_NUMBER_TIMEOUT_MS = 500  # DL/T 645-2007, 7.2: the answer begins within 500 ms
_OTHERS = 3  # so many more unit ids show whether a device looks at them at all
_ABSENT = ("10", "11")  # exceptions of a gateway in between: nobody is there

# The line settings that meters in the field have, the most usual first; those of the profiles come behind.
_FIRST_SETTINGS = (
    "9600 8N1", "9600 8E1", "2400 8E1", "19200 8E1", "9600 8N2", "115200 8N1", "38400 8N1", "4800 8N1", "1200 8E1",
)  # fmt: skip

Progress = Callable[[str, int], None]  # what is done now, and how many thousandths of a line setting are over
Listen = Callable[[int], bytes]


@dataclass(frozen=True)
class Found:
    """One meter that answers, by its unit id, or (unit 0) by the DL/T 645 *address* on its plate.

    refusal: the exception code of its sign of life, None where it gave registers. models: those of which every sign
    was found. likely: where there is none, those whose registers hold what they should, by their values alone.
    """

    unit: int
    refusal: int | None
    models: tuple[str, ...]
    likely: tuple[str, ...]
    address: str = ""


@dataclass(frozen=True)
class LineReport:
    """What was heard at one line setting.

    garbled: unit ids after which bytes came that nobody understands. damaged: those whose own answer came, with a wrong
    check sum. overheard: what came before anything was asked. crowd: the question for the only DL/T 645 meter was
    answered by no frame.
    swapped: what came looks as if A and B were exchanged. any_unit: a device on a network answers to whatever unit id.
    """

    line: str
    found: tuple[Found, ...]
    garbled: tuple[int, ...]
    damaged: tuple[int, ...] = ()
    overheard: Overheard | None = None
    crowd: bool = False
    swapped: bool = False
    any_unit: bool = False

    @property
    def another_master(self) -> bool:
        """Whether someone else asks meters on this line."""
        return self.overheard is not None and self.overheard.another_master


def bus_of(port: str, setting: str) -> Bus:
    """Return the bus at *port* with a line *setting* such as "9600 8N1"."""
    baud, _, shape = setting.partition(" ")
    return Bus(port, port, int(baud), int(shape[0]), shape[1], int(shape[2]), 0)


def usual_settings(profiles: Iterable[DeviceProfile]) -> list[str]:
    """Return the settings to try: those of the field, then other factory settings of known models."""
    counted = Counter(profile.serial_default for profile in profiles if profile.serial_default)
    known = [setting for setting, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]
    return list(dict.fromkeys((*_FIRST_SETTINGS, *known)))


class Scan:
    """One line setting, all its units. listen: None where there is no line that another master could share."""

    def __init__(
        self,
        asker: Asker,
        profiles: Iterable[DeviceProfile],
        timeout_ms: int,
        progress: Progress,
        listen: Listen | None = None,
    ) -> None:
        self._asker = asker
        self._profiles = list(profiles)
        self._models = Identification(asker, self._profiles)
        self._timeout_ms = timeout_ms
        self._progress = progress
        self._listen = listen
        self._present: dict[int, Answer] = {}
        self._garbled: set[int] = set()
        self._damaged: set[int] = set()
        self._slow: set[int] = set()
        self._noise = b""

    def run(self, line: str, units: Iterable[int]) -> LineReport:
        """Listen, ask every unit, then find out what those are that answer."""
        self._progress(line, 0)
        heard = self._listened()
        if heard is not None and heard.another_master:
            return LineReport(line, (), (), overheard=heard)  # two who ask would only spoil each other's answers
        address, crowd = self._only_number() if self._listen else ("", False)
        wanted = sorted(set(units))
        self._first_round(line, wanted)
        self._second_round(line, [unit for unit in wanted if unit not in self._present])
        found = []
        if address:
            found.append(Found(0, None, self._models.of_number(address, _NUMBER_TIMEOUT_MS), (), address))
        for index, unit in enumerate(sorted(self._present)):
            self._progress("%s  %d ?" % (line, unit), 600 + 400 * index // len(self._present))
            found.append(self._identified(unit))
        self._progress(line, 1000)
        unreadable = self._garbled | self._damaged
        return LineReport(
            line,
            tuple(found),
            tuple(sorted(self._garbled - set(self._present) - self._slow - self._damaged)),
            tuple(sorted(self._damaged - set(self._present))),
            heard,
            crowd,
            not found and looks_swapped(self._noise) and bool(unreadable or heard),
            self._answers_to_any(wanted),
        )

    def _listened(self) -> Overheard | None:
        heard = self._listen(_LISTEN_MS) if self._listen else b""
        self._noise += heard
        return overheard(heard) if heard else None

    def _only_number(self) -> tuple[str, bool]:
        """Return the number of the only DL/T 645 meter on the line, or ""; and whether something else came."""
        number = self._asker.only_number(_NUMBER_TIMEOUT_MS)
        return ("", number.kind != SILENT) if isinstance(number, FrameFault) else (number, False)

    def _answers_to_any(self, units: list[int]) -> bool:
        """Tell whether a device on a network answers to all *units*, and to more that were not asked for."""
        if self._listen or self._present.keys() != set(units):
            return False
        others = [unit for unit in range(UNITS[1], 0, -1) if unit not in units][:_OTHERS]
        for unit in others:
            self._sign_of_life(unit, _SIGN_OF_LIFE, self._timeout_ms)
        return all(unit in self._present for unit in others)

    def _first_round(self, line: str, units: list[int]) -> None:
        for index, unit in enumerate(units):
            self._progress("%s  %d" % (line, unit), 50 + 200 * index // len(units))
            self._sign_of_life(unit, _SIGN_OF_LIFE, self._timeout_ms)
        if self._listen and self._present.keys() != set(units):
            late = self._listen(_SECOND_TIMEOUT_MS)
            if crc_holds(late):
                self._slow.add(late[0])

    def _second_round(self, line: str, units: list[int]) -> None:
        """Ask those again that were silent, with more time; those whose answer came too late, with much more."""
        for index, unit in enumerate(units):
            self._progress("%s  %d" % (line, unit), 250 + 350 * index // len(units))
            if unit in self._slow:
                self._sign_of_life(unit, _SIGN_OF_LIFE, _SLOW_TIMEOUT_MS)
            elif unit in self._garbled:
                continue
            elif unit in self._damaged:
                self._sign_of_life(unit, _SIGN_OF_LIFE, _SECOND_TIMEOUT_MS)
            else:
                self._sign_of_life(unit, _SECOND_SIGN, _SECOND_TIMEOUT_MS)

    def _sign_of_life(self, unit: int, sign: tuple[int, int, int], timeout_ms: int) -> None:
        try:
            answer = self._asker.ask(unit, *sign, timeout_ms)
        except LineLostError:
            if self._listen:
                raise
            self._asker.reopen()  # some gateways hang up where they are asked for a unit that they do not know
            return
        fault, heard = answer.fault, answer.response
        if fault is None or (fault.kind == EXCEPTION and fault.detail not in _ABSENT):
            self._present[unit] = answer
        elif fault.kind not in (SILENT, EXCEPTION):
            if self._listen and crc_holds(heard) and heard[0] != unit:
                self._slow.add(heard[0])  # it answers a question of before
            elif fault.kind == CRC and heard[0] == unit and heard[1] & 0x7F == sign[0]:
                self._damaged.add(unit)
            else:
                self._garbled.add(unit)
                self._noise += heard
            self._asker.drain(_QUIET_MS)

    def _identified(self, unit: int) -> Found:
        answer = self._present[unit]
        models, likely = self._models.of_unit(unit, answer.elapsed_ms)
        refusal = None if answer.fault is None else int(answer.fault.detail)
        return Found(unit, refusal, models, likely)
