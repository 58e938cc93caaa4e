"""Brokers a stand can run: one that pip alone installs (loopback, no access rules), and mosquitto as it is shipped."""

import datetime
import ipaddress
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_sync.keys import write_whole
from cloud_sync.platform.authority import Authority
from cloud_sync.platform.broker_config import write_broker_config
from gateway.core.problem import ProblemError, problem

_PIP_BROKER = """\
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = false
"""


def free_port() -> int:
    """Return a TCP port of loopback that nothing listens on now."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


class Broker(Protocol):
    """What a stand needs of a broker."""

    port: int

    def prepare(self, folder: Path, gateway: str) -> None:
        """Write its files into *folder*."""

    def command(self, folder: Path) -> list[str]:
        """Return the command that runs it."""

    def uplink(self, folder: Path) -> dict[str, str]:
        """Return the settings of the gateway's [uplink] that lead to it."""

    def platform(self, folder: Path) -> dict[str, str]:
        """Return the settings of the platform that lead to it."""


class PipBroker:
    """iotcore: in memory, no access rules, for demonstrations on one machine only."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()

    def prepare(self, folder: Path, gateway: str) -> None:
        """Write the broker's configuration."""
        (folder / "broker.toml").write_text(_PIP_BROKER.format(port=self.port))

    def command(self, folder: Path) -> list[str]:
        """Return the command that runs it."""
        return [sys.executable, "-m", "iotcore", "--config", str(folder / "broker.toml"), "--log-level", "WARNING"]

    def uplink(self, folder: Path) -> dict[str, str]:
        """Return the gateway's settings."""
        return {"broker": "mqtt://127.0.0.1:%d" % self.port}

    def platform(self, folder: Path) -> dict[str, str]:
        """Return the platform's settings."""
        return self.uplink(folder)


class Mosquitto:
    """mosquitto with TLS, client certificates and access rules."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.port = port or free_port()
        self.host = host
        found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if found is None:
            raise ProblemError(
                problem("WP-EMU-060", "mosquitto", "the broker is not installed", "apt-get install mosquitto")
            )
        self._program = found

    def prepare(self, folder: Path, gateway: str) -> None:
        """Write what `wattproof-platform broker-config` writes, with the platform's authority in *folder*."""
        self._gateway = gateway
        issue(folder, gateway)
        self.configure(folder)

    def configure(self, folder: Path) -> None:
        """Write the shipped configuration, as after a revocation."""
        hosts = dict.fromkeys((self.host, "127.0.0.1", "localhost"))
        write_broker_config(folder, folder / "broker", tuple(hosts), self.port, self.host)
        if os.getuid() == 0:  # else it would give up the right to read a folder that belongs to root
            with (folder / "broker" / "mosquitto.conf").open("a") as file:
                file.write("user root\n")

    def command(self, folder: Path) -> list[str]:
        """Return the command that runs it."""
        return [self._program, "-c", str(folder / "broker" / "mosquitto.conf")]

    def _client(self, folder: Path, name: str) -> dict[str, str]:
        pki = folder / "pki"
        return {
            "broker": "mqtts://%s:%d" % (self.host, self.port),
            "ca": str(pki / "ca.crt"),
            "certificate": str(pki / (name + ".crt")),
            "key": str(pki / (name + ".key")),
        }

    def uplink(self, folder: Path) -> dict[str, str]:
        """Return the gateway's settings."""
        return self._client(folder, self._gateway)

    def platform(self, folder: Path) -> dict[str, str]:
        """Return the platform's settings."""
        return self._client(folder, "platform")


def issue(folder: Path, gateway: str) -> None:
    """Let the authority in *folder* give *gateway* a certificate, which lies with its key in `pki/`."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    write_whole(folder / "pki" / (gateway + ".key"), pem, 0o600)
    certificate = Authority(folder).issue(gateway, key.public_key())
    write_whole(folder / "pki" / (gateway + ".crt"), certificate.encode("ascii"), 0o644)


def make_certificates(folder: Path, names: tuple[str, ...]) -> None:
    """Write ca.crt and, for each of *names*, a key and a certificate (P-256, valid for loopback) into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand")])

    def builder(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )

    root = (
        builder(authority, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / "ca.crt").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    loopback = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            builder(subject, key)
            .add_extension(uses, critical=False)
            .add_extension(loopback, critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        (folder / (name + ".crt")).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        path = folder / (name + ".key")
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
