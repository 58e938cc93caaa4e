"""`check --live` on gateways that answer, and on one that only seems to."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.core.meter.modbus import read_request
from gateway.tests.test_tcp_line import raw_server

SITE = """
[gateway]
id = "gw1"
province = "Jiangsu"
[[bus]]
name = "a"
port = "tcp://127.0.0.1:%d"
[[meter]]
name = "m1"
bus = "a"
unit = 1
profile = "%s"
max_power = "100 kW"
[[busbar]]
name = "LV1"
[[meter_point]]
name = "Intake"
role = "intake"
meter = "m1"
busbar = "LV1"
"""


@pytest.mark.parametrize(("zero_units", "code"), [((1, 247), "WP-BUS-080"), ((247,), None), ((1,), None), ((), None)])
def test_a_gateway_that_answers_zeros_for_everything(
    tmp_path: Path, zero_units: tuple[int, ...], code: str | None
) -> None:
    """Zeros from the meter and from a unit that is none are told; from one of them alone they are no sign."""

    def talk(connection: socket.socket) -> None:
        while heard := connection.recv(12):
            asked = read_request(heard)
            value = 0 if asked.unit in zero_units else 7
            body = bytes((asked.unit, asked.function, 2 * asked.count)) + bytes((0, value)) * asked.count
            connection.sendall(heard[:4] + len(body).to_bytes(2, "big") + body)

    with raw_server(talk) as port:
        (tmp_path / "gateway.toml").write_text(SITE % (port, "sungrow-sg"))
        result = CliRunner().invoke(main, ["--lang", "en", "--home", str(tmp_path), "check", "--live"])
    assert (code in result.output) if code else result.exit_code == 0, result.output
