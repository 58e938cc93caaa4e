"""Secrets stay where they belong: planted ones are looked for in logs, exports, arguments, journals and bundles."""

import json
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud_sync.enrolling import read_code
from cloud_sync.mqtt import broker_settings
from gateway.cli import main
from gateway.core.problem import ProblemError
from gateway.exports.writing import FORMATS
from gateway.secrecy import MASK, masked, masked_file
from gateway.tests.small_park import DAY, DAY_START_S, SITE, SmallPark
from gateway.words import say
from hil_tests.brokers import Mosquitto, free_port
from hil_tests.secrets_scan import arguments_of_all, files_of, forms_of, hits, key_secrets
from hil_tests.stand import BROKER, GATEWAY, PLATFORM, Stand

PASSWORD = "cAnArY-9431-pAssw0rd"
CODE = "3SWWV-RITGO-EFDDP-32Z63-NOXGL-NJHCB-3DDHN-HUQMD-TEPQ4"
BODY = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
PEM = "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n" % BODY
NUMBER = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
CANARIES = {
    "password": forms_of(PASSWORD.encode()), "code": {CODE.encode()}, "key": forms_of(bytes.fromhex(NUMBER)),
}  # fmt: skip


class Watch:
    """Looks at the arguments of all processes, over and over, until it is left."""

    def __init__(self) -> None:
        self.seen: dict[bytes, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self.seen.update((content, place) for place, content in arguments_of_all())

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def run(log: Path, module: str, home: Path, *arguments: str, typed: str = "") -> str:
    """Run a command as a process of its own; its output goes to *log* too."""
    command = [sys.executable, "-m", module, "--home", str(home), "--lang", "en", *arguments]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60)
    with log.open("a") as file:
        file.write(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fault_h09_no_secret_leaves_a_running_stand(tmp_path: Path) -> None:
    """Enrolment, daemon, platform, broker, rotation and bundle: nothing of any key or code in what they let out."""
    stand = Stand(tmp_path / "stand", Mosquitto(), free_port())
    stand.prepare()
    log, shown = stand.folder / "logs" / "commands.log", tmp_path / "shown"
    route = ("--platform", "http://127.0.0.1:%d" % stand.page_port, "--plain-http")
    with Watch() as watch:
        try:
            for part in (BROKER, PLATFORM, GATEWAY):
                stand.start(part)
            code = run(shown, "cloud_sync.platform", stand.platform_home, "enrol", "new", "park7-gw1").strip()
            shown.unlink()  # printed there by right
            run(log, "gateway", stand.gateway_home, "enrol", *route, "--code", "-", typed=code)
            run(log, "gateway", stand.gateway_home, "keys", "rotate")
            run(log, "gateway", stand.gateway_home, "support", str(tmp_path / "running.zip"))
            page = [("page", json.dumps(stand.page("/api/v1/gateways")).encode())]
            deadline = time.monotonic() + 60
            while stand.gateway_status()["oldest_unreceipted"] is not None:
                assert time.monotonic() < deadline, stand.gateway_status()
                time.sleep(0.2)
            secrets = key_secrets(stand.folder)
        finally:
            stand.stop_all()
    assert len(secrets) >= 6  # gateway, its connections, platform twice, authority, broker
    secrets["code"] = forms_of(read_code(code).secret) | {code.encode()}
    secrets |= key_secrets(stand.folder)
    assert (tmp_path / "running.zip").exists() and watch.seen
    places = [*files_of(tmp_path), *page, *((place, content) for content, place in watch.seen.items())]
    names = {Path(place).name for place, _ in places}
    assert {"gateway.log", "platform.log", "broker.log", "commands.log", "journal.sqlite", "ledger.sqlite"} <= names
    assert hits(secrets, places) == []


def test_no_secret_is_in_exports_and_bundles(tmp_path: Path) -> None:
    """Every export format, and a bundle without a daemon, which has what helps."""
    park = SmallPark(tmp_path)
    for number in range(3):
        park.read_at(DAY_START_S + number * 900)
        park.count("m-intake", "energy_active_import", 12_000)
    park.receipt()
    park.close()
    log = tmp_path / "commands.log"
    assert CliRunner().invoke(main, ["--home", str(tmp_path), "keys", "new", "--ocmf"]).exit_code == 0
    for form in FORMATS:
        command = ["--home", str(tmp_path), "export", DAY, "--format", form, "-o", str(tmp_path / ("day." + form))]
        assert CliRunner().invoke(main, command).exit_code == 0
    run(log, "gateway", tmp_path, "support", str(tmp_path / "still.zip"))
    secrets = key_secrets(tmp_path)
    assert len(secrets) == 3
    assert hits(secrets, files_of(tmp_path)) == []
    with zipfile.ZipFile(tmp_path / "still.zip") as bundle:
        events = json.loads(bundle.read("events.json"))["events"]
        keys = {one["file"]: one for one in json.loads(bundle.read("keys.json"))}
        assert json.loads(bundle.read("versions.json"))["packages"]["cryptography"]
        assert json.loads(bundle.read("status.json"))["entries"] >= 5
        assert 'profile = "chint-dtsu666"' in bundle.read("gateway.toml").decode()
    assert [one["code"] for one in events][0] == "start" and len(keys["keys/gateway.pub"]["kid"]) == 16
    assert keys["keys/gateway.key"] == {"file": "keys/gateway.key", "mode": "0600"}


@pytest.mark.parametrize(
    "line",
    [
        'broker_password = "%s"' % PASSWORD,
        "# password: %s" % PASSWORD,
        'park = "%s"' % CODE,
        "# the code is %s" % CODE,
        'spare = """%s"""' % PEM,
        'serial = "%s"' % NUMBER,
        'spare = "mqtts://user:%s@host"' % PASSWORD,
    ],
)
def test_fault_h09_a_secret_in_the_wrong_field_is_refused_and_masked(tmp_path: Path, line: str) -> None:
    """It stops the start with its line and without itself, so that it never reaches the journal, nor a bundle."""
    (tmp_path / "gateway.toml").write_text(line + "\n" + SITE)
    for command in (["check"], ["run"], ["support", str(tmp_path / "help.zip")]):
        result = CliRunner().invoke(main, ["--home", str(tmp_path), "--lang", "en", *command])
        assert hits(CANARIES, [("output", result.output.encode())]) == []
        if command[0] != "support":
            assert result.exit_code == 1 and result.stderr.startswith("WP-KEY-025 gateway.toml:1")
    assert hits(CANARIES, [("bundle", (tmp_path / "help.zip").read_bytes())]) == []
    with zipfile.ZipFile(tmp_path / "help.zip") as bundle:
        assert MASK in bundle.read("gateway.toml").decode() and "m-intake" in bundle.read("gateway.toml").decode()
        assert "WP-KEY-025" in bundle.read("status.json").decode()


def test_a_password_in_an_address_is_not_repeated() -> None:
    """The message that refuses such an address of a broker shows it without the password."""
    with pytest.raises(ProblemError) as caught:
        broker_settings("mqtts://gw:%s@broker.example" % PASSWORD, "gw")
    text = say(caught.value.problems[0])
    assert PASSWORD not in text and "broker.example" in text


def test_what_is_no_secret_is_left_as_it_is() -> None:
    """Names, paths, links of a chain and numbers of meters are not taken for secrets."""
    text = '{"head": "%s", "port": "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10ABCDE-if00-port0"}' % NUMBER
    assert masked(text) == text
    assert masked_file(SITE) == SITE
    assert masked(PEM + CODE) == MASK + "\n" + MASK


def test_the_scan_finds_what_is_planted(tmp_path: Path) -> None:
    """A key in a log as hexadecimal, base64 or PEM, in a bundle, or a code among arguments: each is a hit."""
    (tmp_path / "gateway.key").write_text(PEM)
    secrets = {**key_secrets(tmp_path), **CANARIES}
    number = bytes.fromhex(NUMBER)
    zipped = tmp_path / "planted.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("x", number)
    for leak in (PEM.encode(), NUMBER.encode(), b"x" + number + b"y", zipped.read_bytes(), *forms_of(b"ab" + number)):
        assert hits(secrets, [("log", b"before " + leak + b" after" if leak[:2] != b"PK" else leak)]), leak
    process = subprocess.Popen([sys.executable, "-c", "input()", CODE], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 15
        while not hits(secrets, arguments_of_all()):
            assert time.monotonic() < deadline
    finally:
        process.kill()
        process.communicate()
