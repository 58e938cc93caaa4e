"""What must hold of an emulated park so that its powers can balance."""

from collections import Counter

from gateway.core.problem import Problem, problem
from hil_tests.emulated_park import INTAKE, STANDALONE, STORAGE, TIE, Plan


def park_problems(plan: Plan) -> list[Problem]:
    """Return everything that keeps the park from balancing."""
    return _unfed(plan) + _without_battery(plan)


def _unfed(plan: Plan) -> list[Problem]:
    """Return a problem for every busbar that is not fed by exactly one intake, or tie from a fed busbar."""
    ties = [branch for branch in plan.branches if branch.role == TIE]
    feeds = Counter(branch.busbar for branch in plan.branches if branch.role == INTAKE)
    reached = set(feeds)
    feeds.update(branch.to_busbar for branch in ties)
    for _ in ties:
        reached |= {branch.to_busbar for branch in ties if branch.busbar in reached}
    busbars = {branch.busbar for branch in plan.branches if branch.role != STANDALONE}
    busbars |= {branch.to_busbar for branch in ties} | set(plan.unmetered_w)
    return [
        problem(
            "WP-EMU-010",
            busbar,
            "The busbar {busbar} must be fed by exactly one intake, or one tie from a fed busbar.",
            "Give it one, with the keys role, busbar and to_busbar of a meter.",
            busbar=busbar,
        )
        for busbar in sorted(busbars)
        if feeds[busbar] != 1 or busbar not in reached
    ]


def _without_battery(plan: Plan) -> list[Problem]:
    batteries = Counter(battery.name for battery in plan.batteries)
    return [
        problem(
            "WP-EMU-014",
            branch.name,
            "The storage {meter} needs one battery behind it.",
            'Write one [[battery]] with meter = "{meter}".',
            meter=branch.name,
        )
        for branch in plan.branches
        if branch.role == STORAGE and batteries[branch.name] != 1
    ]
