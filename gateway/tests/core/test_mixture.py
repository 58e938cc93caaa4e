"""Mixtures of busbars, with shares worked out by hand."""

from gateway.core.account.mixture import mixtures_of


def test_a_chain_passes_its_mixture_on() -> None:
    """0 gives 60 of 100 to 1, which has 40 of its own: 1 is 60/100 of 0 and 40/100 of itself."""
    mixtures = mixtures_of([100, 100], [{}, {0: 60}], {0, 1}, {0: 100, 1: 40})
    assert mixtures[0] == ({0: 100}, 100)
    numerators, denominator = mixtures[1]
    assert denominator == 100 * 100
    assert numerators == {0: 60 * 100, 1: 40 * 100}


def test_two_ways_to_one_busbar_share_their_denominator() -> None:
    """0 feeds 3 through 1 and through 2: the part of 0 is in the denominator once, and all of 3 comes from 0."""
    arcs: "list[dict[int, int]]" = [{}, {0: 30}, {0: 70}, {1: 30, 2: 70}]
    numerators, denominator = mixtures_of([100, 30, 70, 100], arcs, {0, 1, 2, 3}, {0: 100})[3]
    assert denominator == 100 * 30 * 70 * 100
    assert numerators == {0: denominator}


def test_a_ring_is_solved_together() -> None:
    """0 and 1 feed each other 50, and have sources of 100 and 10: both mixtures solve their two equations.

    For the source of 0: 150 a = 100 + 50 b and 60 b = 50 a, so a = 100 * 60 / (150 * 60 - 50 * 50).
    """
    mixtures = mixtures_of([150, 60], [{1: 50}, {0: 50}], {0, 1}, {0: 100, 1: 10})
    determinant = 150 * 60 - 50 * 50
    for busbar, by_origin in ((0, {0: 100 * 60, 1: 10 * 50}), (1, {0: 100 * 50, 1: 10 * 150})):
        numerators, denominator = mixtures[busbar]
        assert {one: numerators[one] * determinant for one in numerators} == {
            one: by_origin[one] * denominator for one in by_origin
        }
        assert sum([numerators[one] for one in sorted(numerators)]) == denominator


def test_a_ring_takes_in_what_comes_from_outside_of_it() -> None:
    """1 and 2 feed each other 50, and 0 gives 100 to 1: all of both comes from 0."""
    mixtures = mixtures_of([100, 150, 60], [{}, {0: 100, 2: 50}, {1: 60}], {0, 1, 2}, {0: 100})
    for busbar in (1, 2):
        numerators, denominator = mixtures[busbar]
        assert numerators == {0: denominator}
