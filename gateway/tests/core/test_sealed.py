"""Sealed parameters: what makes figures out of registers is among them, and only that."""

from gateway.core.sealed import sealed_changes, sealed_parameters


def site():
    """Return a configuration as TOML gives it."""
    return {
        "gateway": {"interval": "15 min", "cycle": "5 s", "factor_sets": ["a", "b"]},
        "self_use": {"period": "60 min", "charging": "load-first"},
        "meter": [{"name": "m1", "bus": "a", "unit": 1, "profile": "p1", "max_power": "1 kW"}],
        "busbar": [{"name": "LV"}, {"name": "HV", "ties": ["gw-2/Tie"]}],
        "meter_point": [{"name": "Roof", "role": "generation", "meter": "m1", "busbar": "LV", "reversed": True}],
        "storage": [{"meter_point": "Battery", "efficiency": "0.85"}],
    }


PROFILES = {"p1": {"model": "M", "points": [{"at": 1, "times": ("ct",)}]}, "p2": {"points": []}}


def changes(change, profiles=None, factors="f"):
    """Return what differs after change(configuration)."""
    now = site()
    change(now)
    return sealed_changes(
        sealed_parameters(site(), "f", PROFILES), sealed_parameters(now, factors, profiles or PROFILES)
    )


def test_parameters_have_names_and_texts():
    """Each table names its own; what is absent has the text of what it means."""
    found = sealed_parameters(site(), "f", PROFILES)
    assert found["gateway: interval"] == "15 min" and found["gateway: gap"] == "-"
    assert found["gateway: factor_sets"] == "[a, b]"
    assert found["self_use"] == "{charging: load-first, period: 60 min}"
    assert (found["meter m1: unit"], found["meter m1: ct_ratio"], found["meter m1: serial"]) == ("1", "1/1", "-")
    assert found["meter point Roof: reversed"] == "true"
    assert found["storage Battery: efficiency"] == "0.85"
    assert (found["busbar LV: ties"], found["busbar HV: ties"]) == ("[]", "[gw-2/Tie]")
    assert len(found["factors"]) == 16 and len(found["profile p1"]) == 16
    assert "profile p2" not in found  # no meter uses it
    assert not [name for name in found if "cycle" in name or "bus " in name or "max_power" in name]


def test_what_differs_is_named_with_both_texts():
    """A ratio that is written where it was meant already changes nothing; another one does."""
    assert changes(lambda now: now["meter"][0].update(ct_ratio="1/1")) == ()
    assert changes(lambda now: now["meter"][0].update(ct_ratio="200/5")) == (("meter m1: ct_ratio", "1/1", "200/5"),)
    assert changes(lambda now: now["meter_point"][0].update(reversed=False)) == (
        ("meter point Roof: reversed", "true", "false"),
    )
    ((what, _, after),) = changes(lambda now: now.pop("self_use"))
    assert (what, after) == ("self_use", "-")
    assert changes(lambda now: now["gateway"].update(cycle="10 s")) == ()


def test_what_a_profile_says_of_registers_is_sealed_and_not_what_it_says_of_itself():
    """Another address changes the digest of the profile, another model name does not; factors have one too."""
    assert changes(lambda now: None, {"p1": {"model": "N", "points": PROFILES["p1"]["points"]}}) == ()
    ((what, before, after),) = changes(lambda now: None, {"p1": {"model": "M", "points": [{"at": 2}]}})
    assert what == "profile p1" and before != after
    assert [row[0] for row in changes(lambda now: None, None, "g")] == ["factors"]


def test_a_configuration_of_another_shape_has_what_can_be_told():
    """Where a table or a list of tables is none, nothing is said of it, and nothing fails."""
    found = sealed_parameters({"gateway": 5, "meter": 7, "meter_point": [1, {"name": "A"}]}, "f", {})
    assert found["gateway: interval"] == "-"
    assert found["meter point A: role"] == "-"
    assert not [name for name in found if name.startswith("meter m")]
