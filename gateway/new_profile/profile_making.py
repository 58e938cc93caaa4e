"""Makes a new device profile out of a register list and answers, and says what remains open in it."""

import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from gateway.core.fields import shown
from gateway.core.meter.profile import HIGH_FIRST, DeviceProfile
from gateway.core.meter.quantity import QUANTITIES
from gateway.core.problem import Problem, ProblemError, problem
from gateway.new_profile.combination import FLOAT, Meant, Outcome, Way, meant_of, point_of, type_of
from gateway.new_profile.profile_answers import LEAVE_OUT, ProfileAnswers
from gateway.new_profile.profile_text import plain_decimal
from gateway.new_profile.quantity_words import quantity_of
from gateway.new_profile.register_image import Span
from gateway.new_profile.register_list import RegisterList, function_of, possible_bases, read_register_list
from gateway.profiles import FOLDER, profile_of_text

_SHOWN = 8  # lines that a message names; the tables show all


def listed_registers(answers: ProfileAnswers, where: str) -> RegisterList:
    """Return the list in *answers*; raises ProblemError where it has no register."""
    found = read_register_list(answers.list)
    if not found.registers:
        raise ProblemError(
            problem(
                "WP-PRF-083",
                where,
                "No line of the list begins or ends with the address of a register.",
                'Write one register a line, such as "30053  Total system power  Float  W".',
            )
        )
    return found


def quantities_of(found: RegisterList, answers: ProfileAnswers) -> dict[int, str | None]:
    """Return the quantity of each line: as answered, else by the words of its name; None keeps it by its name."""
    return {
        one.line: (answers.quantities[one.printed] or None)
        if one.printed in answers.quantities
        else quantity_of(one.name, one.unit)
        for one in found.registers
    }


def lines_of(found: RegisterList, answers: ProfileAnswers) -> tuple[Meant, ...]:
    """Return the lines that become points."""
    registers = [one for one in found.registers if answers.quantities.get(one.printed) != LEAVE_OUT]
    return meant_of(registers, quantities_of(found, answers))


def likely_way(found: RegisterList, answers: ProfileAnswers) -> Way:
    """Return how the list is meant if the answers and the list are right."""
    functions = [function for function in map(function_of, found.registers) if function is not None]
    usual = max(functions, key=functions.count, default=3)
    base = answers.address or possible_bases(found.registers)[0]
    return Way(answers.function or usual, base, answers.words or HIGH_FIRST, False, FLOAT, FLOAT)


def refuse_existing(home: str, profile_id: str, force: bool) -> Path:
    """Return where the profile goes; raises ProblemError where it would overwrite one."""
    path = Path(home) / FOLDER / (profile_id + ".toml")
    if path.exists() and not force:
        raise ProblemError(
            problem(
                "WP-PRF-082",
                str(path),
                "There is a profile of this id already.",
                "Choose another id with --id, or replace it with --force.",
            )
        )
    return path


def usable(lines: Sequence[Meant], way: Way, windows: Sequence[Span]) -> tuple[Meant, ...]:
    """Return the lines that the profile can hold: of a known type and, where a meter was read, answered by it."""
    if not windows:
        return tuple(one for one in lines if one.listed.type)
    points = [(one, point_of(one, way, {})) for one in lines]
    return tuple(
        one
        for one, point in points
        if one.function is not None or any(first <= point.first and point.last <= last for first, last in windows)
    )


def _named(lines: Iterable[Meant]) -> str:
    texts = ["%s %s" % (one.listed.printed, one.listed.name) for one in lines]
    return ", ".join(texts[:_SHOWN]) + (", ..." if len(texts) > _SHOWN else "")


def open_in_list(found: RegisterList, lines: Sequence[Meant], kept: Sequence[Meant], tried: bool) -> list[Problem]:
    """Return what the list leaves open."""
    problems = []
    if found.left:
        problems.append(
            problem(
                "WP-PRF-084",
                "",
                "{count} lines hold no register that is understood, the first is line {line}: {text}",
                "Write them as address, name, type, unit, factor where they are needed.",
                count=len(found.left),
                line=found.left[0][0],
                text=shown(found.left[0][1]),
            )
        )
    unknown = [one for one in kept if one.quantity is None]
    if unknown:
        problems.append(
            problem(
                "WP-PRF-085",
                "",
                "Kept by their names, out of accounts: {lines}.",
                "Where one is a quantity, say so under [quantities] of the answers, or in the profile.",
                lines=_named(unknown),
            )
        )
    names = [one.quantity for one in kept if one.quantity]
    repeated = [one for one in kept if one.quantity and names.count(one.quantity) > 1]
    if repeated:
        problems.append(
            problem(
                "WP-PRF-086",
                "",
                "Several lines are the same quantity: {lines}.",
                "Only the first of each is read in every sweep; set poll in the profile if another is right.",
                lines=_named(repeated),
            )
        )
    dropped = [one for one in lines if one not in kept]
    if dropped and tried:
        problems.append(
            problem(
                "WP-PRF-087",
                "",
                "The meter did not answer these lines, so they are left out: {lines}.",
                "Compare their addresses with the manual; this model or firmware may not have them.",
                lines=_named(dropped),
            )
        )
    elif dropped:
        problems.append(
            problem(
                "WP-PRF-088",
                "",
                "The list does not say the type of these lines, so they are left out: {lines}.",
                "Add it (f32, u16, i32 ...), or let a meter show it with --port.",
                lines=_named(dropped),
            )
        )
    if not tried:
        problems.append(
            problem(
                "WP-PRF-089",
                "",
                "No meter was read: function, address base, order of words and factors are those of the list.",
                "Run this again with --force --port PORT --unit ID at a meter of this model.",
            )
        )
    return problems


def open_in_outcome(outcomes: Sequence[Outcome], chosen: Outcome, likely: Way, lines: Sequence[Meant]) -> list[Problem]:
    """Return what the trial on a meter leaves open, or shows to be other than the manual says."""
    problems = []
    equal = [one for one in outcomes if one.score == chosen.score and one is not chosen]
    if equal:
        problems.append(
            problem(
                "WP-PRF-090",
                "",
                "Nothing decides between {way} and {other}.",
                "Let the meter carry load, or compare the values with its display, and try again.",
                way=way_name(chosen.way),
                other=way_name(equal[0].way),
            )
        )
    stated = [(one, other) for one, other in zip(chosen.way[:3], likely[:3], strict=True) if one != other]
    if stated:
        problems.append(
            problem(
                "WP-PRF-091",
                "",
                "The meter shows {way}; the list and the answers say {other}.",
                "Compare the values with the display of the meter before the status becomes bench.",
                way=way_name(chosen.way),
                other=way_name(likely),
            )
        )
    for unit, ten in sorted(chosen.decades.items()):
        problems.append(
            problem(
                "WP-PRF-092",
                "",
                "With the factors of the list, the values in {unit} are not plausible; times {factor} they are.",
                "Compare one of them with the display of the meter.",
                unit=unit,
                factor=plain_decimal(Fraction(10) ** ten),
            )
        )
    failing = [check for check in chosen.checks if not check.holds]
    if failing:
        names = list(dict.fromkeys(name for check in failing for name in check.quantities))
        problems.append(
            problem(
                "WP-PRF-093",
                "",
                "These values do not agree with each other: {names}.",
                "Compare them with the display of the meter: a name, an address or a factor may be wrong.",
                names=", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else ""),
            )
        )
    untyped = [one for one in lines if not one.listed.type]
    if untyped:
        kinds = sorted({type_of(one, chosen.way) for one in untyped})
        problems.append(
            problem(
                "WP-PRF-094",
                "",
                "The list does not say the type of {count} lines; {kinds} makes their values the most plausible.",
                "Compare one of each with the manual or the display of the meter.",
                count=len(untyped),
                kinds=", ".join(kinds),
            )
        )
    uncertain = sorted(
        {
            QUANTITIES[one.quantity].unit
            for one in lines
            if one.quantity and not one.listed.factor and type_of(one, chosen.way)[0] != "f"
        }
        - {"V", "Hz", "1"}
    )
    if uncertain:
        problems.append(
            problem(
                "WP-PRF-095",
                "",
                "The list states no factor for values in {units}, and the values alone do not show one.",
                "Compare one of each with the display of the meter, and correct factor in the profile.",
                units=", ".join(uncertain),
            )
        )
    return problems


def way_name(way: Way) -> str:
    """Return a way as the words of a profile."""
    return "function = %d, %s, %s%s" % (way.function, way.base, way.words, ", bytes exchanged" if way.swapped else "")


def refuse_exchanged(way: Way) -> None:
    """Raise ProblemError where the bytes of each register come in the other order, which no profile can say."""
    if way.swapped:
        raise ProblemError(
            problem(
                "WP-PRF-096",
                "",
                "The meter sends the bytes of each register in the other order, which a profile cannot say.",
                "Set the byte order in the meter if it has such a setting; Modbus wants the high byte first.",
            )
        )


def checked(text: str, profile_id: str) -> DeviceProfile:
    """Return the profile in *text*; raises ProblemError with all that is wrong, so that nothing wrong is written."""
    profile, problems = profile_of_text(text, profile_id)
    if profile is None:
        raise ProblemError(*problems)
    return profile


def keep_owner(old: Path, fresh: Path) -> None:
    """Give *fresh* the rights of *old*, and its owner where this user may."""
    before = old.stat()
    fresh.chmod(before.st_mode & 0o7777)
    if os.geteuid() == 0:
        os.chown(fresh, before.st_uid, before.st_gid)


def write_whole(path: Path, text: str) -> None:
    """Write *text* to *path* in one step, so that an interruption leaves either nothing or all of it."""
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with fresh.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                keep_owner(path, fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise ProblemError(
            problem(
                "WP-PRF-097",
                str(path),
                "The file cannot be written: {reason}.",
                "Check that you may write to this folder (sudo), or choose another with --home.",
                reason=error.strerror or error,
            )
        ) from error
