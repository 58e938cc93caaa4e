"""The JSON of the platform: its figures against those counted by hand, its refusals, its words."""

import ast
import asyncio
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from cloud_sync.platform import web
from cloud_sync.platform.page_words import PAGE_WORDS
from cloud_sync.platform.web import create_app
from cloud_sync.tests.park_day import GATEWAY, MISSING_STEP, NOW_S, START_S, STEP_S, STEPS, ParkDay, enrol, make_ledger
from gateway.core.problem import ProblemError

DAY = ParkDay()
SCRIPTS = sorted(web.STATIC.glob("*.js"))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of the platform with the whole day in its ledger."""
    ledger = make_ledger(tmp_path, DAY)
    yield TestClient(create_app(ledger, now=lambda: NOW_S))
    ledger.close()


def ask(client: TestClient, path: str, **parameters: str) -> Any:
    """Return the JSON of *path*."""
    answer = client.get("/api/v1/" + path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_overview_says_how_the_gateway_stands(client: TestClient) -> None:
    """Park, chain, receipt, last interval and the order of factor sets are those of the ledger."""
    overview = ask(client, "overview")
    assert (overview["park"], overview["gateway"], overview["zone"]) == ("Demo park", GATEWAY, "Asia/Shanghai")
    assert (overview["chain"]["state"], overview["chain"]["entries"]) == ("whole", 200)
    assert overview["receipt"] == {"through_sequence": 200, "at_ms": (START_S + STEPS * STEP_S) * 1000}
    assert overview["interval"]["end_s"] == START_S + STEPS * STEP_S
    assert overview["interval"]["root"] == (10 + 2 * (STEPS - 1)).to_bytes(32, "big").hex()
    assert overview["methods"] == ["flow", "688-hourly"]
    assert overview["factor_sets"] == ["NDRC910-trial", "grid-2023"]
    assert overview["today"] == "2026-06-18"


def test_a_day_is_the_parks_local_day(client: TestClient) -> None:
    """The day of Shanghai begins at 16:00 UTC of the day before, and other days are empty."""
    flow = ask(client, "flow", period="day", day="2026-06-18")
    assert flow["period"] == {"start_s": START_S, "end_s": START_S + 86400}
    assert ask(client, "flow", period="day", day="2026-06-19")["links"] == []
    assert ask(client, "flow", period="day", day="2026-06-17")["links"] == []


def test_flow_adds_up_to_sources_and_sinks(client: TestClient) -> None:
    """Links leaving a source and links reaching a sink or residual add up to the energy of the node."""
    for period in ("interval", "day"):
        flow = ask(client, "flow", period=period)
        for node in flow["nodes"]:
            end = "from" if node["side"] == "source" else "to"
            assert node["wh"] == sum(link["wh"] for link in flow["links"] if link[end] == node["id"])
    given = {node["name"]: node["wh"] for node in flow["nodes"] if node["side"] == "source"}
    assert given["PV roof"] == sum(row[4] for row in DAY.energies if row[2] == "PV roof")
    assert given["Battery"] == sum(row[4] for row in DAY.energies if row[2] == "Battery")


def test_tallies_are_sums_over_the_period(client: TestClient) -> None:
    """Each load's energy, green part and carbon by method and factor set are the sums of its tally rows."""
    for method in ("flow", "688-hourly"):
        for factor_set in ("NDRC910-trial", "grid-2023"):
            answer = ask(client, "tallies", period="day", method=method, factor_set=factor_set)
            assert len(answer["loads"]) == 5
            for load in answer["loads"]:
                wanted = (method, factor_set, load["meter_point"])
                rows = [row for row in DAY.tallies if (row.method, row.factor_set, row.meter_point) == wanted]
                assert load["wh"] == sum(row.wh for row in rows)
                assert load["green_wh"] == sum(row.green_wh for row in rows)
                assert load["carbon_ug"] == sum(row.carbon_ug for row in rows)
                assert sum(part["wh"] for part in load["by_origin"]) == load["wh"]
            assert answer["total"]["wh"] == sum(load["wh"] for load in answer["loads"])


def test_tallies_name_what_they_rest_on(client: TestClient) -> None:
    """Factor rows of each load, and once for all of them switches, configuration and entries of the period."""
    answer = ask(client, "tallies", period="day", method="flow", factor_set="grid-2023")
    (base,) = answer["basis"]
    assert (base["switches"], base["configuration"]) == (["gap=linear"], "ab" * 16)
    assert base["entries"]["first"] == 0 and base["entries"]["count"] == base["entries"]["last"] + 1 > 50
    assert all(load["factors"] == [] for load in answer["loads"])  # of this day the ids are not said
    hours = ask(client, "tallies", period="day", method="688-hourly", factor_set="grid-2023")["basis"][0]["entries"]
    assert hours["first"] > base["entries"]["last"]


def test_hourly_method_shows_its_own_last_period(client: TestClient) -> None:
    """For the last quarter hour, 688-hourly answers with the hour it closed last, and says so."""
    covers = ask(client, "tallies", method="688-hourly")["covers"]
    assert covers == {"start_s": START_S + 13 * 3600, "end_s": START_S + 14 * 3600}


def test_busbars_balance_exactly(client: TestClient) -> None:
    """What went in and was not metered going out is the published residual, to the watt-hour."""
    for period in ("interval", "day"):
        for busbar in ask(client, "residuals", period=period)["busbars"]:
            assert busbar["in_wh"] - busbar["out_wh"] == busbar["residual_wh"] > 0


def test_completeness_counts_missing_and_partly_read_time(client: TestClient) -> None:
    """One of 56 due intervals is missing and one lacks registers: (54 + 0.967741) / 56."""
    answer = ask(client, "completeness")
    assert answer["complete_ppm"] == (54 * 1_000_000 + 967_741) // 56
    begins_s = START_S + MISSING_STEP * STEP_S
    assert answer["missing"] == [{"start_s": begins_s, "end_s": begins_s + STEP_S}]
    assert [hour["complete_ppm"] for hour in answer["hours"]][4:8] == [1_000_000, 750_000, 1_000_000, 991_935]


def test_completeness_falls_when_a_gateway_goes_silent(tmp_path: Path) -> None:
    """Six hours after the last interval, the six hours that did not come are missing."""
    ledger = make_ledger(tmp_path, DAY)
    client = TestClient(create_app(ledger, now=lambda: START_S + STEPS * STEP_S + 6 * 3600 + STEP_S))
    answer = ask(client, "completeness")
    assert answer["complete_ppm"] == (54 * 1_000_000 + 967_741) // (56 + 24)
    assert answer["missing"][-1] == {"start_s": START_S + 14 * 3600, "end_s": START_S + 20 * 3600}
    ledger.close()


def test_live_power_takes_the_parks_view(client: TestClient) -> None:
    """Export at the intake is a load, generation a source, a turned meter is turned back, a silent one is named."""
    live = ask(client, "live")
    assert {point["name"]: point["power_w"] for point in live["sources"]} == {
        "PV roof": 263_400,
        "Wind turbine": 18_950,
    }
    loads = {point["name"]: point["power_w"] for point in live["loads"]}
    assert (loads["Intake"], loads["Battery"], loads["Office"]) == (61_300, 38_000, 16_875)
    assert live["silent"] == ["Workshop B"]
    assert live["loads_w"] == 61_300 + 38_000 + 161_700 + 24_410 + 16_875 + 164


def test_self_use_shares_follow_the_rule(client: TestClient) -> None:
    """Shares are green use over generation and consumption, and export over generation, over the closed hours."""
    made = sum(row[4] for row in DAY.energies if row[2] in ("PV roof", "Wind turbine"))
    exported = sum(row[4] for row in DAY.energies if row[2] == "Intake")
    rows = [row for row in DAY.tallies if (row.method, row.factor_set) == ("688-hourly", "grid-2023")]
    used, green = sum(row.wh for row in rows), sum(row.green_wh for row in rows)
    answer = ask(client, "self-use")
    assert answer["self_use_of_generation_ppm"] == green * 1_000_000 // made
    assert answer["self_use_of_consumption_ppm"] == green * 1_000_000 // used
    assert answer["export_of_generation_ppm"] == exported * 1_000_000 // made


def test_curve_holds_all_consumption(client: TestClient) -> None:
    """The steps of the curve add up to the consumption of the day."""
    curve = ask(client, "curve")
    consumption = ask(client, "summary")["day"]["consumption_wh"]
    assert curve["step_s"] == 900
    assert sum(part["wh"] for step in curve["steps"] for part in step["by_origin"]) == consumption


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("overview?day=18.6.2026", "WP-PLT-202", 400),
        ("overview?gateway=other", "WP-PLT-201", 404),
        ("flow?period=week", "WP-PLT-203", 400),
        ("figures", "WP-PLT-206", 404),
    ],
)
def test_wrong_questions_get_a_problem(client: TestClient, path: str, code: str, status: int) -> None:
    """A question that cannot be answered gets a code, what is wrong and a hint, as JSON."""
    answer = client.get("/api/v1/" + path)
    assert (answer.status_code, answer.json()["problem"]["code"]) == (status, code)
    assert answer.json()["problem"]["hint"]


def test_nothing_can_be_set(client: TestClient) -> None:
    """Another method than GET is refused in the one shape of problems, and the answer names what is allowed."""
    answer = client.post("/api/v1/overview")
    assert (answer.status_code, answer.json()["problem"]["code"]) == (405, "WP-PLT-207")
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_busy_ledger_holds_up_no_other_answer(tmp_path: Path) -> None:
    """While a question waits for the ledger, the loop goes on and gives what needs no ledger."""
    ledger = make_ledger(tmp_path, DAY)
    app = create_app(ledger, now=lambda: NOW_S)

    async def ask_both() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as asking:
            with ledger.lock:  # which this thread may enter again, and no other thread
                waiting = asyncio.create_task(asking.get("/api/v1/live"))
                assert (await asking.get("/static/page.js")).status_code == 200
                assert not waiting.done()
            assert (await waiting).status_code == 200

    asyncio.run(ask_both())
    ledger.close()


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    """A zone that does not exist stops the start of the page with a clear problem."""
    ledger = make_ledger(tmp_path, None)
    with pytest.raises(ProblemError, match="WP-PLT-205"):
        create_app(ledger, zone="Asia/Atlantis")
    ledger.close()


def test_every_route_answers_in_an_empty_ledger(tmp_path: Path) -> None:
    """With a gateway that never sent anything, every route but the stream answers."""
    ledger = make_ledger(tmp_path, None)
    client = TestClient(create_app(ledger, now=lambda: NOW_S))
    assert ask(client, "overview")["gateway"] is None
    with ledger.writing() as tables:
        enrol(tables)
    for route in ask(client, "")["routes"]:
        if not route.endswith("/events"):
            assert client.get(route).status_code == 200, route
    assert ask(client, "overview")["chain"]["state"] == "empty"
    ledger.close()


def test_waiting_and_branched_chains_are_told(tmp_path: Path) -> None:
    """A held batch makes the chain a gap; a branch outweighs that."""
    ledger = make_ledger(tmp_path, DAY)
    client = TestClient(create_app(ledger, now=lambda: NOW_S))
    with ledger.writing() as tables:
        tables.execute("INSERT INTO held VALUES (1, ?, x'aa', 900, x'bb', 'b0', 0, x'00')", (GATEWAY,))
    assert ask(client, "overview")["chain"]["state"] == "gap"
    with ledger.writing() as tables:
        tables.execute("INSERT INTO chain VALUES (?, x'aa', 150, x'bb', 160, x'cc', 1, 2)", (GATEWAY,))
    assert ask(client, "overview")["chain"]["state"] == "branch"
    ledger.close()


def test_foreign_content_is_kept_out(client: TestClient) -> None:
    """Every answer forbids content of other hosts, also the answers that are refusals."""
    for path in ("/", "/api/v1/overview", "/static/page.js", "/nothing"):
        assert client.get(path).headers["content-security-policy"].startswith("default-src 'self';")


def test_scripts_use_the_words_of_the_catalogue_and_no_others() -> None:
    """Every text in the page's scripts is in PAGE_WORDS, and every one of PAGE_WORDS is used."""
    found = set()
    for script in SCRIPTS:
        for text in re.findall(r'\bt\(("(?:[^"\\]|\\.)*")', script.read_text("utf-8")):
            found.add(ast.literal_eval(text))
    assert found == set(PAGE_WORDS)


def test_page_names_no_other_host() -> None:
    """No file of our own names an address with a scheme; the SVG name space is a name, not an address."""
    for path in [*SCRIPTS, *web.STATIC.glob("*.css"), *web.STATIC.glob("*.html"), *web.STATIC.glob("*.svg")]:
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]", text), path.name


def test_vendored_file_is_the_published_one() -> None:
    """ECharts is the file named in vendor/README.md, byte for byte, and its licence lies beside it."""
    vendor = web.STATIC / "vendor"
    digest = hashlib.sha256((vendor / "echarts.min.js").read_bytes()).hexdigest()
    assert digest in (vendor / "README.md").read_text("utf-8")
    assert "Apache License" in (vendor / "echarts.LICENSE").read_text("utf-8")
    assert "Apache ECharts" in (vendor / "echarts.NOTICE").read_text("utf-8")


def test_what_a_generator_draws_is_consumption(client: TestClient) -> None:
    """A tallied import of a generation point counts among the loads, as the plant's own use."""
    ledger = client.app.state.news.ledger  # type: ignore[attr-defined]
    before = ask(client, "tallies")["total"]["wh"]
    start_s = START_S + (STEPS - 1) * STEP_S
    with ledger.writing() as tables:
        tables.execute(
            "INSERT INTO tally VALUES (?, ?, ?, 'flow', 'NDRC910-trial', 'PV roof', 7, 0, 0, '{\"grid\": 7}', '[]')",
            (GATEWAY, start_s, start_s + STEP_S),
        )
    assert ask(client, "tallies")["total"]["wh"] == before + 7
