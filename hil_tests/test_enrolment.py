"""Enrolment end to end by the commands of both ends: over HTTP, by files, and everything that must not enrol."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.x509.oid import NameOID

from cloud_sync import enrolling
from cloud_sync.keys import KeyRing, load_public, load_signer, new_key
from cloud_sync.mqtt import broker_settings
from cloud_sync.platform.cli import main as platform_main
from cloud_sync.platform.ledger import Ledger
from cloud_sync.tests.served import Served
from gateway.cli import main as gateway_main
from gateway.config import UplinkSettings
from gateway.enrolment import certificate_end_ms
from gateway.journal import Journal
from gateway.key_files import Signing
from gateway.questions import utc_text
from gateway.roads import RoadEnd, Roads

SETTINGS = '[platform]\nbroker = "mqtt://127.0.0.1:1"\nlisten = "127.0.0.1:0"\n'
DAY_S = 86400


class Place:
    """A platform that serves its page, with an authority of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(exist_ok=True)
        (home / "platform.toml").write_text(SETTINGS)
        new_key(home / "keys" / "platform.key")
        self.now_s = time.time()
        Ledger(home / "ledger.sqlite").close()
        self.ledger = Ledger(home / "ledger.sqlite", read_only=True)
        self.served = Served(self.ledger, lambda: self.now_s, home=home)
        self.url = self.served.address

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(platform_main, ["--home", str(self.home), "--lang", "en", *arguments])

    def answer(self, *arguments: str) -> Any:
        result = self.call(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def code(self, gateway: str) -> str:
        """Return a new one-time code, as printed."""
        result = self.call("enrol", "new", gateway)
        assert result.exit_code == 0, result.output
        return result.stdout.strip()

    def keys(self, gateway: str) -> list[str]:
        """Return the key ids enrolled for *gateway*."""
        return [one["kid"] for one in self.answer("keys", "show")["gateways"].get(gateway, [])]

    def stop(self) -> None:
        self.served.stop()
        self.ledger.close()


class Edge:
    """A gateway's home, with nothing but its name."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name = home, name
        home.mkdir()
        (home / "gateway.toml").write_text('[gateway]\nid = "%s"\n' % name)

    def call(self, *arguments: str, typed: str = "") -> Result:
        command = ["--home", str(self.home), "--lang", "en", *arguments]
        return CliRunner().invoke(gateway_main, command, input=typed)

    def enrol(self, place: Place, code: str) -> Result:
        return self.call("enrol", "--platform", place.url, "--plain-http", "--code", "-", typed=code + "\n")

    def kid(self) -> str:
        return load_public(self.home / "keys" / "gateway.pub").kid.hex()

    def files(self) -> dict[str, bytes]:
        """Return what enrolment left behind."""
        return {path.name: path.read_bytes() for path in sorted((self.home / "keys").glob("*.*"))}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A platform that runs."""
    one = Place(tmp_path / "platform")
    yield one
    one.stop()


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    """The gateway gw-a."""
    return Edge(tmp_path / "gw-a", "gw-a")


def test_a_code_enrols_over_the_network(place: Place, edge: Edge) -> None:
    """One code: the signing key is enrolled, the certificate carries the gateway's name, the receipt key is pinned."""
    result = edge.enrol(place, place.code("gw-a"))
    assert result.exit_code == 0, result.output
    assert place.keys("gw-a") == [edge.kid()]
    certificate = x509.load_pem_x509_certificate((edge.home / "keys" / "tls.crt").read_bytes())
    ca = x509.load_pem_x509_certificate((edge.home / "keys" / "ca.crt").read_bytes())
    certificate.verify_directly_issued_by(ca)
    assert [one.value for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["gw-a"]
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:wattproof:gateway:gw-a"]
    assert edge.files()["platform.pub"] == (place.home / "keys" / "platform.pub").read_bytes()
    for name in ("gateway.key", "tls.key"):
        assert (edge.home / "keys" / name).stat().st_mode & 0o777 == 0o600
    assert 'certificate = "keys/tls.crt"' in result.stdout and 'bucket = "b0"' in result.stdout


def test_a_code_enrols_by_files(place: Place, edge: Edge, tmp_path: Path) -> None:
    """Without a route the request goes there and the answer comes back as files; the code is in neither."""
    code = place.code("gw-a")
    out, back = tmp_path / "request", tmp_path / "answer"
    assert edge.call("enrol", "--out", str(out), typed=code + "\n").exit_code == 0
    assert place.answer("enrol", "answer", str(out), str(back)) == {"gateway": "gw-a", "file": str(back)}
    result = edge.call("enrol", "--in", str(back), typed=code + "\n")
    assert result.exit_code == 0, result.output
    assert place.keys("gw-a") == [edge.kid()] and "tls.crt" in edge.files()
    secret = enrolling.read_code(code).secret
    for path in (out, back, *place.home.rglob("*"), *edge.home.rglob("*")):
        if path.is_file():
            raw = path.read_bytes()
            assert secret not in raw and secret.hex().encode() not in raw and code.encode() not in raw


def test_each_wrong_code_is_said(place: Place, edge: Edge, tmp_path: Path) -> None:
    """A code mistyped, foreign, used, expired, or of another gateway: each has its own message, and enrols nothing."""
    code = place.code("gw-a")
    mistyped = ("B" if code[0] == "A" else "A") + code[1:]
    assert edge.enrol(place, mistyped).stderr.startswith("WP-KEY-014")
    assert code not in edge.enrol(place, mistyped).output
    stranger = enrolling.new_code(enrolling.read_code(code).fingerprint).text()
    assert "WP-PLT-221" in edge.enrol(place, stranger).stderr
    assert "WP-PLT-222" in edge.enrol(place, place.code("gw-b")).stderr
    old = place.code("gw-a")
    place.now_s += 8 * DAY_S
    assert "WP-PLT-224" in edge.enrol(place, old).stderr
    place.now_s -= 8 * DAY_S
    assert place.keys("gw-a") == [] and "tls.crt" not in edge.files()
    assert edge.enrol(place, code).exit_code == 0
    assert edge.enrol(place, code).exit_code == 0  # the same request again: its answer may have been lost
    thief = Edge(tmp_path / "thief", "gw-a")
    assert "WP-PLT-223" in thief.enrol(place, code).stderr
    assert place.keys("gw-a") == [edge.kid()]


def test_a_key_of_another_gateway_is_not_enrolled(place: Place, edge: Edge, tmp_path: Path) -> None:
    """A copied key file enrols under no second name."""
    assert edge.enrol(place, place.code("gw-a")).exit_code == 0
    other = Edge(tmp_path / "gw-b", "gw-b")
    (other.home / "keys").mkdir()
    for name in ("gateway.key", "gateway.pub"):
        (other.home / "keys" / name).write_bytes(edge.files()[name])
    (other.home / "keys" / "gateway.key").chmod(0o600)
    assert "WP-PLT-021" in other.enrol(place, place.code("gw-b")).stderr
    assert place.keys("gw-b") == []


def test_fault_i11_a_platform_between_is_not_believed(place: Place, edge: Edge, tmp_path: Path) -> None:
    """Whoever answers in the platform's place, with an authority of its own, or changes its answer, gets nowhere."""
    code = place.code("gw-a")
    out, back = tmp_path / "request", tmp_path / "answer"
    assert edge.call("enrol", "--out", str(out), typed=code).exit_code == 0
    place.answer("enrol", "answer", str(out), str(back))
    true = json.loads(back.read_text())
    false = Place(tmp_path / "false")
    false_code = false.code("gw-a")
    try:
        assert edge.call("enrol", "--out", str(tmp_path / "other"), typed=false_code).exit_code == 0
        false.answer("enrol", "answer", str(tmp_path / "other"), str(tmp_path / "forged"))
    finally:
        false.stop()
    forged = json.loads((tmp_path / "forged").read_text())
    before = edge.files()
    lies = [forged, {**forged, "digest": true["digest"]}, {**true, "digest": ""}]
    lies += [{**true, name: forged[name]} for name in ("certificate", "ca", "platform_key")]
    lies += [{**true, "bucket": "b1"}, {**true, "gateway": "gw-b"}]
    for lie in lies:
        back.write_text(json.dumps(lie))
        assert "\nWP-KEY-018" in edge.call("enrol", "--in", str(back), typed=code).stderr
    assert edge.files() == before
    back.write_text(json.dumps(true))
    assert edge.call("enrol", "--in", str(back), typed=code).exit_code == 0


def test_a_certificate_is_renewed_by_the_enrolled_key(place: Place, edge: Edge, tmp_path: Path) -> None:
    """Renewal needs no code: the enrolled key vouches. A key that is not enrolled, or revoked, renews nothing."""
    assert edge.enrol(place, place.code("gw-a")).exit_code == 0
    before = edge.files()
    result = edge.call("keys", "renew", "--platform", place.url, "--plain-http")
    assert result.exit_code == 0, result.output
    after = edge.files()
    assert after["tls.crt"] != before.pop("tls.crt") and before.items() <= after.items()
    thief = Edge(tmp_path / "thief", "gw-a")
    assert "WP-PLT-227" in thief.call("keys", "renew", "--platform", place.url, "--plain-http").stderr
    place.answer("keys", "revoke", edge.kid(), "--reason", "stolen")
    assert "WP-PLT-226" in edge.call("keys", "renew", "--platform", place.url, "--plain-http").stderr
    assert "WP-PLT-226" in edge.enrol(place, place.code("gw-a")).stderr


def test_a_request_goes_encrypted_or_nowhere(place: Place, edge: Edge) -> None:
    """http:// is refused but for this machine, and there without --plain-http; a code is no argument at all."""
    code = place.code("gw-a")
    for url, more in ((place.url, ()), ("http://192.0.2.1/", ("--plain-http",)), ("ftp://localhost", ()), ("x", ())):
        result = edge.call("enrol", "--platform", url, *more, typed=code)
        assert (
            result.exit_code == 1
            and result.stderr.partition("One-time code: ")[2].lstrip().startswith("WP-KEY-019")
            or (result.stderr.startswith("WP-KEY-019"))
        )
    assert edge.call("enrol", "--platform", place.url, "--plain-http", "--code", code).exit_code == 2
    assert edge.call("enrol", typed=code).exit_code == 2
    assert place.keys("gw-a") == []


def test_what_is_no_request_is_refused(place: Place, edge: Edge, tmp_path: Path) -> None:
    """Whatever is sent to the one address that takes something, the platform says what is wrong and does nothing."""
    code = place.code("gw-a")
    out = tmp_path / "request"
    assert edge.call("enrol", "--out", str(out), typed=code).exit_code == 0
    good = json.loads(out.read_text())
    texts = ["", "[]", "{", "null", "x" * 100_000, json.dumps({**good, "more": 1}), json.dumps({**good, "gateway": 7})]
    texts += [json.dumps({**good, name: "x"}) for name in good]
    texts += [json.dumps({**good, "gateway": "../x"}), json.dumps({**good, "code": "../../keys/platform"})]
    for text in texts:
        out.write_text(text)
        result = place.call("enrol", "answer", str(out), str(tmp_path / "answer"))
        assert result.exit_code == 1 and result.stderr.startswith("WP-"), text
        assert not (tmp_path / "answer").exists() and place.keys("gw-a") == []


def test_a_second_platform_gets_files_of_its_own(place: Place, edge: Edge, tmp_path: Path) -> None:
    """Its code does not overwrite what the first platform gave; with --as both stand side by side."""
    assert edge.enrol(place, place.code("gw-a")).exit_code == 0
    before = edge.files()
    other = Place(tmp_path / "other")
    try:
        code = other.code("gw-a")
        assert edge.enrol(other, code).stderr.startswith("WP-KEY-026")
        assert edge.files() == before and other.keys("gw-a") == []
        route = ("--platform", other.url, "--plain-http", "--as", "county", "--code", "-")
        result = edge.call("enrol", *route, "--json", typed=code)
        assert json.loads(result.stdout)["ca"] == "keys/county/ca.crt"
        assert other.keys("gw-a") == [edge.kid()] == place.keys("gw-a")
        assert edge.call("keys", "renew", *route[:-2]).exit_code == 0
        assert edge.call("enrol", *route[:3], "--as", "../x", "--code", "-", typed=code).stderr.startswith("WP-KEY-027")
    finally:
        other.stop()
    assert {name: raw for name, raw in edge.files().items() if name != "county"} == before


def _nothing() -> None:
    """Say that the time is not known."""


def test_a_certificate_that_ends_is_told_only_where_the_time_is_known(place: Place, edge: Edge, tmp_path: Path) -> None:
    """Two months before its end `status` says so; with a clock that nobody vouches for nothing is said."""
    assert edge.enrol(place, place.code("gw-a")).exit_code == 0
    until_ms = certificate_end_ms(edge.home / "keys" / "tls.crt")
    assert until_ms is not None and 395 < until_ms / 86_400_000 - place.now_s / DAY_S < 398
    uplink = UplinkSettings("platform", "mqtt://127.0.0.1:1", "b0", "keys/platform.pub", "", "", "")
    signer = load_signer(edge.home / "keys" / "gateway.key")
    journal = Journal(tmp_path / "journal.sqlite")
    for known_ms, due in ((None, False), (until_ms - 61 * DAY_S * 1000, False), (until_ms - 59 * DAY_S * 1000, True)):
        settings = broker_settings(uplink.broker, "gw-a")._replace(
            known_ms=partial(int, known_ms) if known_ms else _nothing
        )
        end = RoadEnd(uplink, settings, KeyRing(), until_ms)
        (told,) = Roads([end], "gw-a", journal, Signing(signer, ()), lambda: None).status()
        assert told["certificate_due"] is due and told["certificate_until"] == utc_text(until_ms)
    journal.close()
