"""No change makes a sweep of a shipped meter model dearer unseen."""

import json

import pytest

import device_profiles
from tools.plan_figures import FILE, figures

STORED = json.loads(FILE.read_text(encoding="utf-8"))
NOW = figures()


def test_every_shipped_model_has_its_figures() -> None:
    """The stored figures are those of the shipped profiles, no more and no fewer."""
    assert list(STORED) == device_profiles.names()


@pytest.mark.parametrize("name", device_profiles.names())
def test_a_sweep_costs_no_more_than_before(name: str) -> None:
    """Reads and bus time at the factory line setting have not grown; `python -m tools.plan_figures` stores a choice."""
    assert NOW[name]["baud"] == STORED[name]["baud"]
    assert NOW[name]["reads"] <= STORED[name]["reads"]
    assert NOW[name]["bus_us"] <= STORED[name]["bus_us"]


def test_the_figures_of_the_sdm630_by_hand() -> None:
    """36 floats are 72 registers; seven reads take 82, one of them slow, and 8 more so that no lengths are alike."""
    figures_now = NOW["eastron-sdm630"]
    assert (figures_now["reads"], figures_now["registers"], figures_now["wasted"]) == (7, 90, 90 - 72)
