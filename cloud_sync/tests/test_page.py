"""The page in a real browser: its figures are those of the ledger, in two languages, on a desk and a phone."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.park_day import GATEWAY, NOW_S, STEPS, ParkDay, TallyRow, enrol, live, make_ledger
from cloud_sync.tests.served import Served, opened
from cloud_sync.tests.test_whole_park import composed
from cloud_sync.tests.two_cabinets import START_S as CABINETS_S
from gateway.words import translate
from tools.screenshot import CHROMIUM_FLAGS, chromium

DAY = ParkDay()
LAST = DAY.intervals[-1]
LOADS = ("Workshop A", "Workshop B", "冷库 <b>2</b>", "Office", "PV own use")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium with an empty profile."""
    program = chromium()
    assert program, "there is no chromium; install the system's package"
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=program, args=list(CHROMIUM_FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page of the whole day is served."""
    ledger = make_ledger(tmp_path_factory.mktemp("ledger"), DAY)
    served = Served(ledger, lambda: NOW_S)
    yield served.address
    served.stop()
    ledger.close()


def tallied(rows: list[TallyRow], load: str | None = None) -> tuple[int, int, int]:
    """Return energy, green energy and carbon of *rows*, of one load or of all consumers."""
    chosen = [row for row in rows if (row.meter_point == load if load else row.meter_point in LOADS)]
    return sum(row.wh for row in chosen), sum(row.green_wh for row in chosen), sum(row.carbon_ug for row in chosen)


def rows_of(method: str, factor_set: str, start_s: int = 0) -> list[TallyRow]:
    """Return the day's tally rows by one method and factor set, from *start_s* on."""
    return [
        row for row in DAY.tallies if (row.method, row.factor_set) == (method, factor_set) and row.start_s >= start_s
    ]


def test_figures_on_the_page_are_those_of_the_ledger(browser: Browser, address: str) -> None:
    """Every figure read off the page of the day is the sum of the ledger's rows, exactly."""
    with opened(browser, address + "?lang=en&period=day") as one:
        shown = {name: value for name, (value, _text) in one.all_figures().items()}
        assert (one.errors, one.strangers) == ([], [])
    expected: dict[str, int] = {}
    for which, start_s in (("day", 0), ("last", LAST[0])):
        energies = [row for row in DAY.energies if row[0] >= start_s]
        wh, green_wh, carbon_ug = tallied(rows_of("flow", "NDRC910-trial", start_s))
        expected[which + ".green_ppm"] = green_wh * 1_000_000 // wh
        expected[which + ".carbon_ug"] = carbon_ug
        expected[which + ".consumption_wh"] = sum(row[3] for row in energies if row[2] in LOADS)
        expected[which + ".generation_wh"] = sum(row[4] for row in energies if row[2] in ("PV roof", "Wind turbine"))
        expected[which + ".grid_import_wh"] = sum(row[3] for row in energies if row[2] == "Intake")
    expected["day.grid_export_wh"] = sum(row[4] for row in DAY.energies if row[2] == "Intake")
    for load in LOADS:
        wh, green_wh, carbon_ug = tallied(rows_of("flow", "NDRC910-trial"), load)
        expected["tally.wh:" + load], expected["tally.green_wh:" + load] = wh, green_wh
        expected["tally.carbon_ug:" + load] = carbon_ug
        expected["tally.green_ppm:" + load] = green_wh * 1_000_000 // wh
    for _start_s, _end_s, method, source, sink, wh in DAY.allocations:
        if method == "flow":
            name = f"flow.wh:{source}→sink:{sink}"
            expected[name] = expected.get(name, 0) + wh
    for _start_s, _end_s, busbar, source, wh in DAY.residuals:
        for name in (f"flow.wh:{source}→residual:{busbar}", "balance.residual_wh:" + busbar):
            expected[name] = expected.get(name, 0) + wh
    for origin in ("grid", "solar", "wind"):
        expected["storage.wh:Battery:" + origin] = DAY.held[origin]
    expected["storage.wh:Battery"] = sum(DAY.held.values())
    expected["live.power_w:PV roof"], expected["live.power_w:Office"] = 263_400, 16_875
    expected["chain.entries"] = 200
    assert {name: shown.get(name) for name in expected} == expected


def test_texts_are_the_exact_values_rounded_once(browser: Browser, address: str) -> None:
    """What people read is the exact value in the printed unit, rounded half up, by decimal arithmetic."""
    powers = {
        "GWh": 9,
        "MWh": 6,
        "kWh": 3,
        "Wh": 0,
        "MW": 6,
        "kW": 3,
        "W": 0,
        "t": 12,
        "kg": 9,
        "g": 6,
        "mg": 3,
        "%": 4,
    }
    in_tables = {"wh": 3, "ug": 9}  # columns that carry kWh and kg in their heads
    with opened(browser, address + "?lang=en&period=day") as one:
        figures = one.all_figures()
    assert len(figures) > 100
    for name, (value, text) in figures.items():
        found = re.fullmatch(r"(−?)([\d,]+)(\.\d+)?(\D*)", text)
        assert found, (name, text)
        sign, whole, part, unit = found.groups()
        exponent = powers[unit] if unit else in_tables.get(name.split(":")[0][-2:], 0)
        step = Decimal(1).scaleb(-len(part or ".") + 1)
        exact = (Decimal(value) / Decimal(10) ** exponent).quantize(step, ROUND_HALF_UP)
        assert Decimal(sign.replace("−", "-") + whole.replace(",", "") + (part or "")) == exact, (name, value, text)


def test_names_that_every_object_knows_are_only_names(browser: Browser, tmp_path: Path) -> None:
    """Origins called __proto__ and constructor are shown as they are written, and stop nothing."""
    ledger = make_ledger(tmp_path, DAY)
    with ledger.writing() as tables:
        for name, strange in (("solar", "__proto__"), ("wind", "constructor")):
            tables.execute("UPDATE point SET origin = ? WHERE origin = ?", (strange, name))
            tables.execute("UPDATE tally SET by_origin = replace(by_origin, ?, ?)", (f'"{name}"', f'"{strange}"'))
            tables.execute("UPDATE pool SET origin = ? WHERE origin = ?", (strange, name))
    served = Served(ledger, lambda: NOW_S)
    try:
        with opened(browser, served.address + "?lang=en&period=day") as one:
            assert one.figure("storage.wh:Battery:__proto__") == DAY.held["solar"]
            assert "constructor" in one.page.locator("#curve").inner_text()
            assert one.errors == []
    finally:
        served.stop()
        ledger.close()


def test_choices_change_the_figures(browser: Browser, address: str) -> None:
    """Another method, factor set or period shows the figures of that, and the address remembers the choice."""
    with opened(browser, address + "?lang=en") as one:
        assert one.figure("tally.wh") == tallied(rows_of("flow", "NDRC910-trial", LAST[0]))[0]
        one.page.select_option("select[name=method]", "688-hourly")
        hour = tallied(rows_of("688-hourly", "NDRC910-trial", LAST[1] - 3600))
        one.eventually(f"document.querySelector('[data-figure=\"tally.wh\"]').dataset.value === '{hour[0]}'")
        one.page.click("button[data-period=day]")
        one.page.select_option("select[name=factor_set]", "grid-2023")
        day = tallied(rows_of("688-hourly", "grid-2023"))
        one.eventually(f"document.querySelector('[data-figure=\"tally.carbon_ug\"]').dataset.value === '{day[2]}'")
        assert one.figure("day.carbon_ug") == day[2]
        one.page.reload()
        one.settled()
        assert one.figure("tally.carbon_ug") == day[2]
        assert (one.errors, one.strangers) == ([], [])


def test_names_are_text_never_markup(browser: Browser, address: str) -> None:
    """A load named with tags is shown as it is written and makes no element."""
    with opened(browser, address + "?lang=en") as one:
        assert one.page.locator("tr[data-load] td:first-child", has_text="冷库 <b>2</b>").count() == 1
        assert one.page.locator("main b", has_text="2").count() == 0


@pytest.mark.parametrize(
    ("locale", "query", "lang"), [("zh-CN", "", "zh-CN"), ("en-GB", "", "en"), ("en-GB", "?lang=zh", "zh-CN")]
)
def test_page_speaks_the_language_asked_for(browser: Browser, address: str, locale: str, query: str, lang: str) -> None:
    """The browser's language decides, ?lang= overrules it, and the texts are those of the catalogue."""
    language = lang[:2]
    with opened(browser, address + query, locale=locale) as one:
        assert one.page.evaluate("document.documentElement.lang") == lang
        said = one.page.locator("#tallies h2").text_content()
        assert said == translate("Green share and carbon by load", language)
        assert one.page.locator("#languages a[aria-current]").get_attribute("data-lang") == language
        assert (one.errors, one.strangers) == ([], [])


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_overflows_sideways(browser: Browser, address: str, width: int, lang: str) -> None:
    """On a phone, a tablet and a desk the page is exactly as wide as its window."""
    with opened(browser, f"{address}?lang={lang}&period=day", width, 844) as one:
        assert one.page.evaluate("document.documentElement.scrollWidth") == width
        outside = one.page.locator("main *").evaluate_all(
            "(all, width) => all.filter(one => !one.closest('.scroll'))"
            ".filter(one => one.getBoundingClientRect().right > width + 1).map(one => one.outerHTML.slice(0, 80))",
            width,
        )
        assert outside == []


def test_page_says_what_it_waits_for_and_fills_itself(browser: Browser, tmp_path: Path) -> None:
    """From an empty ledger to the first interval, the page names the next step and needs no reload."""
    ledger = make_ledger(tmp_path, None)
    served = Served(ledger, lambda: NOW_S)
    try:
        with opened(browser, served.address + "?lang=en") as one:
            next_step = "document.querySelector('#waiting li.now strong').textContent"
            assert one.page.evaluate(next_step) == "A gateway is enrolled"
            with ledger.writing() as tables:
                enrol(tables)
            one.eventually(next_step + " === 'Its first signed batch arrives'")
            with ledger.writing() as tables:
                tables.execute("INSERT INTO chain VALUES (?, x'aa', 1, zeroblob(32), 3, x'bb', 0, 1)", (GATEWAY,))
            one.eventually(next_step + " === 'Meters give readings'")
            with ledger.writing() as tables:
                live(tables, (NOW_S - 30) * 1000)
            one.eventually(next_step + " === 'The first interval closes'")
            with ledger.lock:  # the page may ask at any moment, and shall not find it without a gateway
                with ledger.writing() as tables:
                    tables.execute("DELETE FROM chain")
                    tables.execute("DELETE FROM gateway")
                DAY.write(ledger)
            one.eventually("document.querySelector('#waiting').hidden")
            one.eventually("document.querySelector('[data-figure=\"tally.wh\"]')")
            assert one.figure("tally.wh") == tallied(rows_of("flow", "NDRC910-trial", LAST[0]))[0]
            assert (one.errors, one.strangers) == ([], [])
    finally:
        served.stop()
        ledger.close()


def test_a_new_interval_appears_by_itself(browser: Browser, tmp_path: Path) -> None:
    """When an interval is projected, an open page shows it without a reload."""
    ledger = make_ledger(tmp_path, DAY, STEPS - 1)
    served = Served(ledger, lambda: NOW_S)
    try:
        with opened(browser, served.address + "?lang=en") as one:
            assert one.figure("last.consumption_wh") == sum(
                row[3] for row in DAY.energies if row[0] == DAY.intervals[-2][0] and row[2] in LOADS
            )
            with ledger.writing() as tables:
                DAY.add(tables, STEPS - 1, STEPS)
            consumed = sum(row[3] for row in DAY.energies if row[0] == LAST[0] and row[2] in LOADS)
            one.eventually(
                f"document.querySelector('[data-figure=\"last.consumption_wh\"]').dataset.value === '{consumed}'"
            )
    finally:
        served.stop()
        ledger.close()


def test_a_lost_platform_is_told_and_found_again(browser: Browser, tmp_path: Path) -> None:
    """When the platform stops, the page says since when its figures stand; when it is back, the warning goes."""
    ledger = make_ledger(tmp_path, DAY)
    served = Served(ledger, lambda: NOW_S)
    try:
        with opened(browser, served.address + "?lang=en") as one:
            assert one.page.locator("#lost").is_hidden()
            served.stop()
            one.eventually("!document.querySelector('#lost').hidden")
            assert "No connection to the platform" in (one.page.locator("#lost").text_content() or "")
            assert one.figure("tally.wh") == tallied(rows_of("flow", "NDRC910-trial", LAST[0]))[0]
            served = Served(ledger, lambda: NOW_S, served.port)
            one.eventually("document.querySelector('#lost').hidden")
    finally:
        served.stop()
        ledger.close()


def test_the_whole_park_is_chosen_beside_its_gateways(browser: Browser, platform: Platform) -> None:
    """Two gateways and their park are offered; the park's page says which gateway its newest interval lacks."""
    composed(platform, ("gw-1", 0), ("gw-2", 0), ("gw-1", 1))
    served = Served(platform.ledger, lambda: CABINETS_S + 1800)
    try:
        with opened(browser, served.address + "?lang=en") as one:
            offered = one.page.locator("select[name=gateway] option").all_text_contents()
            assert offered == ["gw-1", "gw-2", "park/demo"]
            one.page.select_option("select[name=gateway]", "park/demo")
            one.eventually("document.getElementById('gateway').textContent.startsWith('Park park/demo')")
            assert "without gw-2; what came from there counts as unmetered" in one.page.inner_text("#standing")
            one.eventually("document.querySelector('[data-load=\"gw-1/Mill\"]') !== null")
            assert (one.errors, one.strangers) == ([], [])
    finally:
        served.stop()
