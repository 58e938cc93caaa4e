"""wattproof profile list, show and lint, with profiles of the site beside the shipped ones."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import device_profiles
from gateway.cli import main
from gateway.core.meter.profile import CJT188, MODBUS
from gateway.core.problem import ProblemError
from gateway.profiles import all_profiles, load_profile, profile_names

OWN = """\
id = "acme-one"
maker = "Acme"
model = "One [bold]"
kind = "three-phase meter"
status = "draft"
points = [
  { quantity = "voltage_l1_n", at = 0, type = "u16", factor = "0.1", unit = "V" },
  { quantity = "energy_active_import", at = 2, type = "u32", unit = "kWh", counter = true },
]
[[evidence]]
source = "manual"
[modbus]
transport = ["tcp"]
function = 3
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with one profile of the site."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme-one.toml").write_text(OWN, encoding="utf-8")
    return tmp_path


def call(home: Path, *arguments: str) -> Result:
    """Run the command line in English."""
    return CliRunner().invoke(main, ["--lang", "en", "--home", str(home), "profile", *arguments])


def test_profiles_of_the_site_come_beside_the_shipped_ones(home: Path) -> None:
    """All shipped models are known, and those in the folder profiles of the home."""
    assert profile_names(home) == sorted(["acme-one", *device_profiles.names()])
    assert load_profile("acme-one", home).maker == "Acme"
    profiles, problems = all_profiles(home)
    assert (len(profiles), problems) == (len(profile_names(home)), [])


def test_a_profile_of_the_site_comes_before_a_shipped_one(home: Path) -> None:
    """A file of the same name in the home replaces the shipped profile."""
    text = OWN.replace("acme-one", "eastron-sdm630")
    (home / "profiles" / "eastron-sdm630.toml").write_text(text, encoding="utf-8")
    assert load_profile("eastron-sdm630", home).maker == "Acme"


def test_a_replaced_profile_is_named(home: Path) -> None:
    """List and show say which shipped profile is replaced by a file of the site, and say it of no other."""
    text = OWN.replace("acme-one", "eastron-sdm630")
    (home / "profiles" / "eastron-sdm630.toml").write_text(text, encoding="utf-8")
    listed = json.loads(call(home, "list", "--json").output)
    assert [one["id"] for one in listed if one["replaces_shipped"]] == ["eastron-sdm630"]
    assert "eastron-sdm630: the file of this site" in call(home, "list").output
    assert "eastron-sdm630: the file of this site" in call(home, "show", "eastron-sdm630").output
    assert json.loads(call(home, "show", "eastron-sdm630", "--json").output)["replaces_shipped"] is True
    assert json.loads(call(home, "show", "acme-one", "--json").output)["replaces_shipped"] is False


def test_an_upgrade_leaves_the_profiles_of_the_site(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a new version ships a model under the same name, the site's own file stays as it is and stays in use."""
    before = (home / "profiles" / "acme-one.toml").read_bytes()
    names = device_profiles.names()
    monkeypatch.setattr(device_profiles, "names", lambda: sorted([*names, "acme-one"]))
    monkeypatch.setattr(device_profiles, "text", lambda name: OWN.replace('"Acme"', '"Shipped"'))
    assert load_profile("acme-one", home).maker == "Acme"
    assert (home / "profiles" / "acme-one.toml").read_bytes() == before
    listed = json.loads(call(home, "list", "--json").output)
    assert [one["id"] for one in listed if one["replaces_shipped"]] == ["acme-one"]


def test_lint_tells_what_a_sweep_costs(home: Path) -> None:
    """Of a profile that is named, lint prints the reads, the registers and the time of a sweep."""
    found = json.loads(call(home, "lint", "acme-one", "--json").output)
    # At 9600 Bd, 11 bits a character: 13 + 2 + 7 characters, and 13 + 4 + 7, each rounded up to a us; 10 ms more.
    assert found["profiles"][0]["plan"] == {
        "baud": 9600, "reads": 2, "registers": 3, "wasted": 0, "bus_us": 25_209 + 27_500 + 20_000,
    }  # fmt: skip
    assert (
        "acme-one: 2 reads of 3 registers, 0 of them for nothing; 72.7 ms a sweep"
        in call(home, "lint", "acme-one").output
    )


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('id = "a"\nmaker = \nmodel = "m"\n', 2, 9),
        ('id = "a"\nid = "b"\n', 2, 9),
        ('id = "a"\npoints = [\n', 2, 11),
    ],
)
def test_a_broken_file_is_shown_at_its_line_and_column(home: Path, text: str, line: int, column: int) -> None:
    """What is no TOML is reported with line and column, as an editor counts them."""
    (home / "profiles" / "broken.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ProblemError) as error:
        load_profile("broken", home)
    (problem,) = error.value.problems
    assert (problem.code, problem.where) == ("WP-CFG-030", "broken.toml:%d:%d" % (line, column))


def test_a_file_that_is_no_text(home: Path) -> None:
    """Bytes that are no UTF-8 are a problem and no crash, and the other profiles are still there."""
    (home / "profiles" / "broken.toml").write_bytes(b"\xff\xfe\x00")
    profiles, problems = all_profiles(home)
    assert [one.code for one in problems] == ["WP-CFG-043"]
    assert len(profiles) == len(profile_names(home)) - 1
    assert call(home, "list").exit_code == 0


def test_the_file_is_named_after_the_id(home: Path) -> None:
    """A file under another name than its id is refused, because the id is how it is found."""
    (home / "profiles" / "acme-two.toml").write_text(OWN, encoding="utf-8")
    with pytest.raises(ProblemError) as error:
        load_profile("acme-two", home)
    assert [one.code for one in error.value.problems] == ["WP-PRF-008"]


def test_list(home: Path) -> None:
    """The list names every profile, as text of 80 columns and as JSON."""
    found = json.loads(call(home, "list", "--json").output)
    assert [one["id"] for one in found] == profile_names(home)
    own = found[0] if found[0]["id"] == "acme-one" else next(one for one in found if one["id"] == "acme-one")
    assert own["source"] == str(home / "profiles" / "acme-one.toml")
    text = call(home, "list").output
    assert "One [bold]" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_list_shows_a_broken_profile(home: Path) -> None:
    """A profile that cannot be read is in the list, with the way to its problems."""
    (home / "profiles" / "broken.toml").write_text("id = ", encoding="utf-8")
    found = json.loads(call(home, "list", "--json").output)
    assert [(one["id"], one["problems"]) for one in found if one["problems"]] == [("broken", 1)]


@pytest.mark.parametrize("name", device_profiles.names())
def test_show_fits_a_terminal_and_tells_all_as_json(home: Path, name: str) -> None:
    """Every shipped profile is shown in 80 columns; the JSON has every point with its address on the wire."""
    text = call(home, "show", name).output
    profile = load_profile(name, home)
    assert max(len(line) for line in text.splitlines() if line.startswith(" ")) <= 80
    by_di = profile.protocol != MODBUS  # then a point is a data identifier, and a place in its answer
    for point in profile.points:
        di = "901F" if profile.protocol == CJT188 else "%08X" % (point.address >> 8)
        assert (di if by_di else "0x%04X" % point.address) in text
    found = json.loads(call(home, "show", name, "--json").output)
    assert found["id"] == name
    assert [one["name"] for one in found["points"]] == [point.name for point in profile.points]
    wanted = [point.address & 0xFF if by_di else point.address for point in profile.points]
    assert [one["at"] for one in found["points"]] == wanted


def test_show_of_an_unknown_profile(home: Path) -> None:
    """A profile that is not there is a problem, exit 1."""
    result = call(home, "show", "acme-two")
    assert (result.exit_code, "WP-PRF-001" in result.output) == (1, True)


def test_lint_of_all(home: Path) -> None:
    """All shipped profiles and a sound one of the site have no finding."""
    result = call(home, "lint")
    assert (result.exit_code, result.output) == (
        0, "%d profiles, nothing to complain about\n" % len(profile_names(home)),
    )  # fmt: skip


def test_lint_of_a_file_with_findings(home: Path, tmp_path: Path) -> None:
    """A file anywhere can be checked before it is installed; findings give exit 1."""
    file = tmp_path / "acme-one.toml"
    file.write_text(OWN.replace(", counter = true", "").replace('"V" }', '"A" }'), encoding="utf-8")
    result = call(home, "lint", str(file), "--json")
    found = json.loads(result.output)
    assert (result.exit_code, found["problems"]) == (1, 1)
    assert found["profiles"][0]["problems"][0]["code"] == "WP-PRF-007"
    file.write_text(OWN.replace(", counter = true", ""), encoding="utf-8")
    found = json.loads(call(home, "lint", str(file), "--json").output)
    assert [one["code"] for one in found["profiles"][0]["problems"]] == ["WP-PRF-035"]
    assert found["profiles"][0]["problems"][0]["where"] == "acme-one.toml.energy_active_import"
    result = call(home, "lint", str(tmp_path / "absent.toml"))
    assert (result.exit_code, "WP-CFG-031" in result.output) == (1, True)


def test_show_of_a_sunspec_profile_says_what_its_addresses_are(home: Path) -> None:
    """The chain is shown with the register of each model's id; a profile of fixed registers has none."""
    assert "usual chain" in call(home, "show", "sunspec-103").output
    found = json.loads(call(home, "show", "sunspec-103", "--json").output)["sunspec"]
    assert (found["model"], found["bases"]) == (103, [40000, 50000, 0])
    assert found["chain"] == [{"model": 1, "at": 40002, "length": 65}, {"model": 103, "at": 40069, "length": 50}]
    assert "usual chain" not in call(home, "show", "acme-one").output
    assert json.loads(call(home, "show", "acme-one", "--json").output)["sunspec"] is None
