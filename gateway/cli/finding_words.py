"""Findings in words: what `status` says of what a person should look at."""

from datetime import datetime
from typing import Any

from gateway.core.account import balance, checks
from gateway.figures import PARK_TIME
from gateway.findings import FELL, JUMPED, LEFT, UNDECLARED
from gateway.words import translate as _


def finding_lines(one: dict[str, Any]) -> list[str]:
    """Return a finding as lines: what was seen where, and what to declare, if that settles it."""
    said = {
        LEFT: _("{quantity} is read otherwise since {since}, and the interval of that moment is missing"),
        FELL: _("{quantity} went backwards in the interval from {since}, which counts 0"),
        JUMPED: _("{quantity} rose beyond what its connection carries in the interval from {since}, which counts 0"),
        UNDECLARED: _("nobody declared since {since} what it really holds"),
        checks.SPIKE: _("one interval, from {since}, is far above all others of its day"),
        checks.ZERO: _("it takes nothing since {since}, where it always took something"),
        balance.METER_ERROR: _("in and out differ in proportion to what flows: a meter, or its ratio, is wrong"),
        balance.UNMETERED_LOAD: _("more goes in than comes out, steadily: a load without a meter, or theft"),
        balance.UNMETERED_SOURCE: _("more comes out than goes in, steadily: a source without a meter"),
        balance.LOSSES: _("in and out differ by the square of what flows: losses"),
        balance.UNCLEAR: _("in and out differ, and why is not clear"),
    }
    details = one["details"]
    since = details.get("start_s") or details.get("since_s") or details.get("at_s") or ""
    at = datetime.fromtimestamp(int(since), PARK_TIME).strftime("%Y-%m-%d %H:%M") if since else ""
    text = said[one["code"]].format(quantity=details.get("quantity", ""), since=at)
    lines = ["%s: %s" % (one["place"] or _("the whole site"), text)]
    if "residual_wh" in details:
        figures = {name: details[name] for name in ("residual_wh", "through_wh", "hours")}
        lines.append("  " + _("{residual_wh} of {through_wh} Wh in {hours} hours").format(**figures))
    if one["declare"]:
        lines.append("  " + _("what settles it: {command}").format(command=one["declare"]))
    return lines
