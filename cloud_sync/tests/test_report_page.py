"""The printable report at /report: the same figures as the command, escaped, in both languages, guarded as the page."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cloud_sync.platform.ledger import Ledger
from cloud_sync.platform.web import create_app
from cloud_sync.tests.conftest import Platform
from cloud_sync.tests.gateways import Gateway
from cloud_sync.tests.report_park import PARK, ReportPark
from cloud_sync.tests.test_platform_cli import SETTINGS, answer
from cloud_sync.tests.test_yearly_report import KWH, activity, at, enter, home_of


@pytest.fixture
def home(platform: Platform, gateway: Gateway) -> Path:
    """A platform with one hour of a park and one document, whose paper is hostile."""
    (platform.home / "platform.toml").write_text(SETTINGS)
    park = ReportPark(platform, gateway)
    park.close(at("2025-03-01T12:00"), at("2025-03-01T13:00"), {"Grid": (100 * KWH, 0), "Hall": (100 * KWH, 0)})
    home = home_of(park)
    output = {"kind": "output", "product": "<script>alert(1)</script>", "quantity": "10", "unit": "t"}
    enter(home, activity("diesel", "1", "t", "fuel"), output)
    return home


def test_page_has_the_figures_of_the_command(home: Path) -> None:
    """E_park stands on the page as the command says it; what a person typed is text, never markup."""
    ledger = Ledger(home / "ledger.sqlite", read_only=True)
    client = TestClient(create_app(ledger, now=lambda: at("2025-12-01T00:00"), home=home))
    page = client.get("/report?lang=en")
    assert page.status_code == 200 and "Content-Security-Policy" in page.headers
    assert "3.228 t CO2" in page.text  # 3.1451 of diesel, 0.08325 of the grid
    assert "<script" not in page.text and "&lt;script&gt;" in page.text
    chinese = client.get("/report", params={"period": "2025-03", "park": PARK, "lang": "zh"})
    assert "园区碳排放" in chinese.text and 'lang="zh-CN"' in chinese.text
    plain = client.get("/api/v1/report?period=2025").json()
    assert plain["sections"]["carbon"] == answer(home, "report", "2025")["sections"]["carbon"]
    wrong = client.get("/report?period=soon&lang=en")
    assert wrong.status_code == 400 and "WP-PLT-075" in wrong.text
    assert client.get("/api/v1/report?park=Other").json()["problem"]["code"] == "WP-PLT-090"
    ledger.close()
