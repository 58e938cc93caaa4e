"""Certificates of a park: what its plants earned, what it says it did with them, and what does not fit.

One certificate is 1000 kWh of one month. What storage gave earns none: only generation is counted here. Energy that
the park used by direct supply is green by that supply; a certificate of it that is used or sold would claim it twice.
"""

from typing import NamedTuple

from cloud_sync.platform.document_reading import BOUGHT, CANCELLED, ISSUED, SOLD, YES
from cloud_sync.platform.documents import Document
from cloud_sync.platform.parameters import SAME_YEAR
from cloud_sync.platform.report_parts import Text, _
from cloud_sync.platform.stretch import Stretch
from gateway.core.account.certificate import VALID_MONTHS, WH_PER_CERTIFICATE, Issue, issue, month_after

Month = tuple[int, int]


class Earned(NamedTuple):
    """What one month's generation earns: in all, and of what was exported, which alone may be traded."""

    month: Month
    generated_wh: int
    whole: Issue
    exported_wh: int
    tradable: Issue


class Batch(NamedTuple):
    """Certificates of one registry number: of which month, how many, and how many are left or were used."""

    number: str
    operation: str
    month: Month
    certificates: int
    cancelled: int
    sold: int
    valid_through: Month
    document: int


class Standing(NamedTuple):
    """The certificates of a park at the end of a period, and the conflicts found on the way."""

    earned: tuple[Earned, ...]
    batches: tuple[Batch, ...]
    covered_wh: int  # of grid energy in the period, by certificates cancelled without a conflict
    documents: tuple[int, ...]  # of those
    conflicts: tuple[Text, ...]


def earned(months: list[tuple[Month, int, int]]) -> tuple[Earned, ...]:
    """Return what months, each with its generated and exported Wh in order of time, earn; remainders are carried."""
    found: list[Earned] = []
    whole_wh = tradable_wh = 0
    for month, generated_wh, exported_wh in months:
        whole, tradable = issue(month, generated_wh, whole_wh), issue(month, exported_wh, tradable_wh)
        whole_wh, tradable_wh = whole.carried_wh, tradable.carried_wh
        found.append(Earned(month, generated_wh, whole, exported_wh, tradable))
    return tuple(found)


def judge(
    documents: list[tuple[Document, Stretch]], entitled: tuple[Earned, ...], period: Stretch, certificate_period: str
) -> Standing:
    """Return how the certificates of *documents* stand at the end of *period*."""
    known = [(one, when) for one, when in documents if when.end_s <= period.end_s]
    conflicts: list[Text] = []
    held = {one.fields["number"]: (one, when) for one, when in known if one.fields["operation"] in (ISSUED, BOUGHT)}
    _check_issued(
        [(one, when) for one, when in held.values() if one.fields["operation"] == ISSUED], entitled, conflicts
    )
    left = {number: int(one.fields["count"]) for number, (one, _when) in held.items()}
    used = {(number, operation): 0 for number in left for operation in (CANCELLED, SOLD)}
    covered, papers = 0, []
    for one, when in sorted(known, key=lambda row: (row[1].start_s, row[0].number)):
        operation, count = one.fields["operation"], int(one.fields["count"])
        if operation not in (CANCELLED, SOLD):
            continue
        wrong = _wrong(one, when, held.get(one.fields["of"]), left, certificate_period)
        if wrong is not None:
            conflicts.append(wrong)
            continue
        left[one.fields["of"]] -= count
        used[one.fields["of"], operation] += count
        if operation == CANCELLED and period.holds(when):
            covered += count
            papers.append(one.number)
    batches = [
        Batch(
            number, one.fields["operation"], when.month, int(one.fields["count"]), used[number, CANCELLED],
            used[number, SOLD], month_after(when.month, VALID_MONTHS - 1), one.number,
        )
        for number, (one, when) in sorted(held.items())
    ]  # fmt: skip
    return Standing(entitled, tuple(batches), covered * WH_PER_CERTIFICATE, tuple(papers), tuple(conflicts))


def _check_issued(issued: list[tuple[Document, Stretch]], entitled: tuple[Earned, ...], conflicts: list[Text]) -> None:
    """Note where more was issued for a month than it earned, or more that may be traded than was exported."""
    by_month = {one.month: one for one in entitled}
    for month in sorted({when.month for _one, when in issued}):
        rows = [one for one, when in issued if when.month == month]
        numbers = ", ".join(str(one.number) for one in rows)
        most = by_month[month].whole.count if month in by_month else 0
        count = sum(int(one.fields["count"]) for one in rows)
        if count > most:
            conflicts.append(
                _(
                    "Documents {numbers}: {count} certificates for {month}, but its metered generation earns {most}.",
                    numbers=numbers, count=count, month="%d-%02d" % month, most=most,
                )
            )  # fmt: skip
        free = by_month[month].tradable.count if month in by_month else 0
        traded = sum(int(one.fields["count"]) for one in rows if one.fields.get("tradable") == YES)
        if traded > free:
            conflicts.append(
                _(
                    "Documents {numbers}: {count} tradable certificates for {month}, but only {most} are of exported"
                    " energy; the rest was used by direct supply.",
                    numbers=numbers, count=traded, month="%d-%02d" % month, most=free,
                )
            )  # fmt: skip


def _wrong(
    one: Document, when: Stretch, batch: tuple[Document, Stretch] | None, left: dict[str, int], certificate_period: str
) -> Text | None:
    """Return why the use in document *one* does not count, None where it does."""
    number, of = one.number, one.fields["of"]
    if batch is None:
        return _("Document {number}: no certificates {of} were issued or bought.", number=number, of=of)
    source, made = batch
    if source.fields["operation"] == ISSUED and source.fields.get("tradable") != YES:
        return _(
            "Document {number}: certificates {of} are of energy that was used by direct supply; using them claims it"
            " twice.",
            number=number, of=of,
        )  # fmt: skip
    if int(one.fields["count"]) > left[of]:
        return _(
            "Document {number}: {count} certificates of {of}, but only {left} are left.",
            number=number, count=one.fields["count"], of=of, left=left[of],
        )  # fmt: skip
    through = month_after(made.month, VALID_MONTHS - 1)
    if not made.month <= when.month <= through:
        return _(
            "Document {number}: certificates {of} are valid from {first} to {last}, not in {month}.",
            number=number, of=of, first="%d-%02d" % made.month, last="%d-%02d" % through, month=when.text,
        )  # fmt: skip
    if certificate_period == SAME_YEAR and made.month[0] != when.month[0] and one.fields["operation"] == CANCELLED:
        return _(
            "Document {number}: certificates {of} were produced in another year than they are used in"
            " (certificate_period = same-year).",
            number=number, of=of,
        )  # fmt: skip
    return None
