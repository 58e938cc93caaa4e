"""Tests of sealed parameters: they change with a person's reason only, and whoever finds out can read who and why."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud_sync.core.canonical import decode, encode
from gateway.cli import main
from gateway.config import load
from gateway.core.problem import ProblemError
from gateway.core.record import Config, ParameterChange, from_map, to_map
from gateway.recompute import Recomputation
from gateway.recorder import Recorder
from gateway.sealing import Acceptance, accepted
from gateway.tests.small_park import DAY_START_S, SITE, SmallPark

STEP_S = 900
# What is written, in the place of what, and how it is called.
CHANGES = [
    ('ct_ratio = "200/5"', 'ct_ratio = "2000/5"', "meter m-mill: ct_ratio", "200/5", "2000/5"),
    ('profile = "acrel-adw300"', 'profile = "eastron-sdm630"', "meter m-battery: profile", "acrel-adw300",
     "eastron-sdm630"),
    ("unit = 3", "unit = 7", "meter m-mill: unit", "3", "7"),
    ("unit = 3", 'unit = 3\nserial = "4711"', "meter m-mill: serial", "-", "4711"),
    ('name = "Roof"', 'name = "Roof"\nreversed = true', "meter point Roof: reversed", "false", "true"),
    ('origin = "solar"', 'origin = "wind"', "meter point Roof: origin", "solar", "wind"),
    ("m-mill", "m-other", "meter point Mill: meter", "m-mill", "m-other"),
    ("15 min", "60 min", "gateway: interval", "15 min", "60 min"),
    ('efficiency = "0.85"', 'efficiency = "0.95"', "storage Battery: efficiency", "0.85", "0.95"),
]  # fmt: skip


def _records(park: SmallPark) -> list[tuple[int, tuple[object, ...]]]:
    entries = park.journal.entries(1, park.journal.head_sequence)
    return [(entry.sequence, from_map(decode(entry.body))) for entry in entries]  # type: ignore[arg-type]


def _run(park: SmallPark, first: int, last: int) -> None:
    for number in range(first, last + 1):
        park.read_at(DAY_START_S + number * STEP_S)
        park.count("m-mill", "energy_active_import", 500)


@pytest.mark.parametrize(("old", "new", "what", "before", "after"), CHANGES, ids=[row[2] for row in CHANGES])
def test_a_changed_parameter_waits_for_a_reason(
    tmp_path: Path, old: str, new: str, what: str, before: str, after: str
) -> None:
    """Without a reason the gateway goes on as before and names the change; with one, who and why stand before it."""
    change = (what, before, after)
    park = SmallPark(tmp_path)
    _run(park, 0, 1)
    assert old in SITE
    (tmp_path / "gateway.toml").write_text(SITE.replace(old, new), encoding="utf-8")
    wanted = load(tmp_path)
    going_on, held = accepted(wanted, park.journal)
    assert change in held and going_on.site_text == SITE and going_on.home == tmp_path
    with pytest.raises(ProblemError) as caught:
        Recorder(wanted, park.journal, park.clock, None).start()
    assert caught.value.problems[0].code == "WP-CFG-115" and what in str(caught.value.problems[0].values["changes"])
    park.close()
    park.configuration = wanted
    park.open(Acceptance("Li Wei", "order 17"))
    found = _records(park)
    ((sequence, record),) = [(at, one) for at, one in found if isinstance(one, ParameterChange)]
    assert (record.by, record.reason, record.changes) == ("Li Wei", "order 17", held)
    assert (record.before, record.after) == (1, sequence + 1)
    assert isinstance(dict(found)[sequence + 1], Config)
    assert accepted(wanted, park.journal) == (wanted, ())
    park.close()


def test_other_changes_need_no_reason(tmp_path: Path) -> None:
    """A port, a cycle, the name of a park or a comment make no figure: they hold from the next start."""
    park = SmallPark(tmp_path)
    _run(park, 0, 1)
    text = SITE.replace("/dev/ttyUSB0", "/dev/ttyUSB1").replace('cycle = "15 s"', 'cycle = "30 s"') + "# moved\n"
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    assert accepted(load(tmp_path), park.journal)[1] == ()
    park.close()
    park.configuration = load(tmp_path)
    park.open()
    assert [type(record) for _, record in _records(park)].count(Config) == 2
    assert not [record for _, record in _records(park) if isinstance(record, ParameterChange)]
    park.close()


def test_a_configuration_that_slipped_in_is_named(tmp_path: Path) -> None:
    """Whoever writes a Config entry past wattproof is found by verify, although each figure follows from it."""
    park = SmallPark(tmp_path)
    _run(park, 0, 1)
    park.configure(SITE.replace('ct_ratio = "200/5"', 'ct_ratio = "400/5"'))
    records = _records(park)
    park.close()

    def problems(left_out: type) -> list[tuple[str, object]]:
        recomputation = Recomputation()
        number = 0
        for _, record in records:
            if not isinstance(record, left_out):
                number += 1
                recomputation.take(number, encode(to_map(record)))
        return [(one.code, one.values.get("changes", "")) for one in recomputation.problems]

    assert ("WP-EXP-075", "meter m-mill: ct_ratio: 200/5 -> 400/5") in problems(ParameterChange)
    assert not [one for one in problems(bytes) if one[0] == "WP-EXP-075"]


def test_config_plan_and_apply(tmp_path: Path) -> None:
    """`config plan` shows what waits, `config apply` records who and why; nonsense as a reason is refused."""
    park = SmallPark(tmp_path)
    _run(park, 0, 1)
    park.close()
    text = SITE.replace('ct_ratio = "200/5"', 'ct_ratio = "400/5"')
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    change = {"what": "meter m-mill: ct_ratio", "before": "200/5", "after": "400/5"}

    def call(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--home", str(tmp_path), "--lang", "en", "config", *arguments])
        return done.exit_code, done.stdout

    assert json.loads(call("plan", "--json")[1]) == {"changes": [change]}
    assert call("apply", "--by", "Li Wei", "--reason", " ")[0] == 1
    assert json.loads(call("plan", "--json")[1]) == {"changes": [change]}
    code, out = call("apply", "--by", "Li Wei", "--reason", "transformers exchanged", "--json")
    assert code == 0 and json.loads(out) == {"changes": [change], "running": False}
    assert json.loads(call("plan", "--json")[1]) == {"changes": []}
    park.configuration = load(tmp_path)
    park.open()
    assert [record.reason for _, record in _records(park) if isinstance(record, ParameterChange)] == [
        "transformers exchanged"
    ]
    park.close()
