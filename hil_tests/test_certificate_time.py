"""A clock that is not set cannot lock the gateway out: mosquitto with a certificate that is not valid yet."""

import datetime
import queue
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloud_sync.keys import KeyRing, load_public, load_signer, new_key
from cloud_sync.mqtt import Closed, Connection, Event, Opened, broker_settings
from cloud_sync.sender import Sender
from gateway.journal import Journal
from hil_tests.brokers import Mosquitto
from hil_tests.stand import listens

WAIT_S = 20.0
DAY_MS = 86_400_000


def _certificate(
    name: str,
    begins: datetime.datetime,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[str, ec.EllipticCurvePrivateKey],
) -> bytes:
    """Return a certificate for *key*, valid for 30 days from *begins*; an authority is its own issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issued_by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer[0])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=name == issuer[0], path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    return builder.sign(issuer[1], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A folder with ca.crt, and the port of a mosquitto whose certificate and authority begin in two days."""
    folder = tmp_path_factory.mktemp("future")
    shipped = Mosquitto()
    program = shipped.command(folder)[0]
    begins = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    authority, key, stranger = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    (folder / "ca.crt").write_bytes(_certificate("park", begins, authority, ("park", authority)))
    (folder / "other.crt").write_bytes(_certificate("park", begins, stranger, ("park", stranger)))
    (folder / "server.crt").write_bytes(_certificate("localhost", begins, key, ("park", authority)))
    form = serialization.PrivateFormat.PKCS8
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    lines = ["listener %d 127.0.0.1" % shipped.port, "certfile server.crt", "keyfile server.key", "user root"]
    (folder / "mosquitto.conf").write_text("\n".join([*lines, "allow_anonymous true\n"]))
    process = subprocess.Popen([program, "-c", "mosquitto.conf"], cwd=folder, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + WAIT_S
        while not listens(shipped.port):
            assert process.poll() is None and time.monotonic() < until, "the broker does not start"
            time.sleep(0.05)
        yield folder, shipped.port
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _first(
    broker: tuple[Path, int], known_ms: Callable[[], int | None], ca: str = "ca.crt", host: str = "localhost"
) -> Event:
    """Return what becomes of a connection by a gateway whose clock says *known_ms*."""
    happened: queue.Queue[Event] = queue.Queue()
    settings = broker_settings("mqtts://%s:%d" % (host, broker[1]), "gw-1", broker[0] / ca)
    connection = Connection(settings._replace(known_ms=known_ms), (), happened.put)
    connection.start()
    try:
        return happened.get(timeout=WAIT_S)
    finally:
        connection.stop()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _why(event: Event) -> str:
    assert isinstance(event, Closed) and event.why is not None and event.why.code == "WP-NET-006"
    return str(event.why.values["reason"])


def test_fault_e12_a_certificate_not_yet_valid_is_taken_while_the_time_is_not_known(broker: tuple[Path, int]) -> None:
    """In U or I the dates are left out, and only they: another authority and another host are refused as ever."""
    event = _first(broker, lambda: None)
    assert isinstance(event, Opened) and not event.time_judged
    assert isinstance(_first(broker, lambda: None, "other.crt"), Closed)
    assert "mismatch" in _why(_first(broker, lambda: None, host="127.0.0.1")).lower()


def test_fault_e12_dates_are_judged_by_the_time_that_is_known(broker: tuple[Path, int]) -> None:
    """Known to be too early or too late the certificate is refused, also where the system's clock says otherwise."""
    assert "not yet valid" in _why(_first(broker, _now_ms))
    assert "not yet valid" in _why(_first(broker, lambda: _now_ms() - DAY_MS))
    assert "expired" in _why(_first(broker, lambda: _now_ms() + 33 * DAY_MS))
    event = _first(broker, lambda: _now_ms() + 3 * DAY_MS)
    assert isinstance(event, Opened) and event.time_judged


def test_fault_e12_it_is_told_once_that_dates_were_not_judged(broker: tuple[Path, int], tmp_path: Path) -> None:
    """The sender says so when it connects, for the event tls-time-unjudged."""
    for name in ("gateway", "platform"):
        new_key(tmp_path / (name + ".key"))
    journal = Journal(tmp_path / "journal.sqlite")
    told: list[str] = []
    settings = broker_settings("mqtts://localhost:%d" % broker[1], "gw-1", broker[0] / "ca.crt")
    sender = Sender(
        journal, settings._replace(known_ms=lambda: None), "gw-1", "b0", load_signer(tmp_path / "gateway.key"),
        KeyRing([load_public(tmp_path / "platform.pub")]), lambda: None, on_unjudged=lambda: told.append("once"),
    )  # fmt: skip
    sender.start()
    try:
        until = time.monotonic() + WAIT_S
        while not told and time.monotonic() < until:
            sender.step(time.monotonic_ns() // 1_000_000)
            time.sleep(0.05)
        for _ in range(3):
            sender.step(time.monotonic_ns() // 1_000_000)
    finally:
        sender.stop()
        journal.close()
    assert told == ["once"]
