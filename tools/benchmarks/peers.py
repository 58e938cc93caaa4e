"""Peers: what others need to read the same emulated meters: pymodbus, collectd, thingsboard-gateway."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pymodbus.client import ModbusSerialClient

from gateway.core.meter.plan import plan_blocks
from gateway.core.meter.profile import Point
from hil_tests.brokers import free_port
from tools.benchmarks.bus_stand import ADDRESSES, TURNAROUND_MS, Cabinet, Emulated, Timed, timed

COLLECTD, COLLECTD_PLUGINS = "collectd", Path("/usr/lib/collectd")
TB_PACKAGES = ("thingsboard-gateway==3.8.5", "pymodbus==3.9.2", "pyserial-asyncio==0.6")
_MOST_S = 75.0
_SBIN = ":/usr/sbin"


class AbsentError(Exception):
    """A peer that cannot be had on this machine, and why."""


def pymodbus_sweeps(cabinet: Cabinet, port: Path, baud: int, sweeps: int, *, planned: bool) -> Timed:
    """Sweep back to back with pymodbus, by our reads or value by value, and make floats of what comes."""
    profile, points = cabinet.meters[0]
    blocks = plan_blocks(profile, points, baud, TURNAROUND_MS)
    reads: list[tuple[int, int, tuple[Point, ...]]] = [(one.start, one.count, one.points) for one in blocks]
    if not planned:
        reads = [(point.first, point.count, (point,)) for point in points]
    client = ModbusSerialClient(str(port), baudrate=baud, timeout=1, retries=0)
    if not client.connect():
        raise RuntimeError("pymodbus cannot open %s" % port)
    try:
        ends = [(time.monotonic(), time.process_time())]
        for _ in range(sweeps):
            for unit in range(1, len(cabinet.meters) + 1):
                for start, count, held in reads:
                    _floats(client, unit, start, count, held)
            ends.append((time.monotonic(), time.process_time()))
    finally:
        client.close()  # type: ignore[no-untyped-call]
    return timed(ends, cabinet.values())


def _floats(client: ModbusSerialClient, unit: int, start: int, count: int, points: tuple[Point, ...]) -> list[object]:
    answer = client.read_input_registers(start, count=count, device_id=unit)
    if answer.isError():
        raise RuntimeError("pymodbus: unit %d, %d registers from %d: %s" % (unit, count, start, answer))
    convert: Callable[..., object] = client.convert_from_registers
    return [
        convert(answer.registers[point.first - start : point.last + 1 - start], client.DATATYPE.FLOAT32)
        for point in points
    ]


def collectd_sweep_s(cabinet: Cabinet, emulated: Emulated, baud: int, sweeps: int) -> float:
    """Return how long collectd's modbus plugin needs for all values once."""
    program = shutil.which(COLLECTD, path=os.environ.get("PATH", "") + _SBIN)
    if program is None or not (COLLECTD_PLUGINS / "modbus.so").exists():
        raise AbsentError("install collectd-core (Debian)")
    lines = ['BaseDir "."', 'PIDFile "collectd.pid"', f'PluginDir "{COLLECTD_PLUGINS}"', "Interval 1"]
    lines += ['TypesDB "/usr/share/collectd/types.db"', "LoadPlugin modbus", "<Plugin modbus>"]
    for address in ADDRESSES:
        lines += [f'<Data "v{address}">', f"RegisterBase {address}", "RegisterType Float", "Type gauge"]
        lines += [f'Instance "v{address}"', "RegisterCmd ReadInput", "</Data>"]
    lines += ['<Host "bench">', f'Device "{emulated.ports[0]}"', f"Baudrate {baud}", "Interval 1"]
    for unit in range(1, len(cabinet.meters) + 1):
        lines += [
            f"<Slave {unit}>",
            f'Instance "m{unit}"',
            *(f'Collect "v{address}"' for address in ADDRESSES),
            "</Slave>",
        ]
    lines += ["</Host>", "</Plugin>", ""]
    (emulated.folder / "collectd.conf").write_text("\n".join(lines), encoding="utf-8")
    return _watched([program, "-f", "-C", "collectd.conf"], cabinet, emulated, sweeps)


def thingsboard_sweep_s(cabinet: Cabinet, emulated: Emulated, baud: int, sweeps: int) -> float:
    """Return how long thingsboard-gateway needs for all values once; it is installed into an environment of its own."""
    broker = shutil.which("mosquitto", path=os.environ.get("PATH", "") + _SBIN)
    if broker is None:
        raise AbsentError("it needs a broker: install mosquitto")
    with tempfile.TemporaryDirectory() as place:
        python = Path(place) / "venv" / "bin" / "python"
        for command in (
            [sys.executable, "-m", "venv", str(python.parent.parent)],
            [str(python), "-m", "pip", "install", "--quiet", *TB_PACKAGES],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
            if done.returncode:
                raise AbsentError("pip cannot install it: " + (done.stderr.strip().splitlines() or ["?"])[-1][:80])
        port = free_port()
        (Path(place) / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
        _write_thingsboard(Path(place), cabinet, emulated.ports[0], baud, port)
        environment = {**os.environ, "TB_GW_CONFIG_DIR": place + "/", "TB_GW_LOGS_PATH": place}
        start = "from thingsboard_gateway.tb_gateway import main; main()"
        with subprocess.Popen([broker, "-c", f"{place}/broker.conf"], stderr=subprocess.DEVNULL) as running:
            try:
                return _watched([str(python), "-c", start], cabinet, emulated, sweeps, environment)
            finally:
                running.terminate()


def _write_thingsboard(place: Path, cabinet: Cabinet, port: Path, baud: int, broker_port: int) -> None:
    values = [
        {"tag": f"v{address}", "type": "32float", "functionCode": 4, "objectsCount": 2, "address": address}
        for address in ADDRESSES
    ]
    units = [
        {
            "type": "serial", "method": "rtu", "port": str(port), "baudrate": baud, "timeout": 1, "stopbits": 1,
            "bytesize": 8, "parity": "N", "byteOrder": "BIG", "wordOrder": "BIG", "retries": False, "pollPeriod": 1000,
            "unitId": unit, "deviceName": f"m{unit}", "attributes": [], "timeseries": values, "attributeUpdates": [],
            "rpc": [],
        }
        for unit in range(1, len(cabinet.meters) + 1)
    ]  # fmt: skip
    gateway = {
        "thingsboard": {
            "host": "127.0.0.1", "port": broker_port, "remoteShell": False, "remoteConfiguration": False,
            "security": {"type": "accessToken", "accessToken": "bench"}, "qos": 1,
            "statistics": {"enable": False}, "deviceFiltering": {"enable": False},
        },
        "storage": {"type": "memory", "read_records_count": 100, "max_records_count": 100000},
        "grpc": {"enabled": False},
        "connectors": [{"name": "Modbus", "type": "modbus", "configuration": "modbus.json"}],
    }  # fmt: skip
    logs = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR", "handlers": []}}
    for name, content in (("tb_gateway", gateway), ("modbus", {"master": {"slaves": units}}), ("logs", logs)):
        (place / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def _watched(
    command: list[str], cabinet: Cabinet, emulated: Emulated, sweeps: int, environment: dict[str, str] | None = None
) -> float:
    """Run *command* until it has read everything some times over; return the time for all values once."""
    values = cabinet.values()
    wanted = values * (sweeps + 1)
    until = time.monotonic() + _MOST_S
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=emulated.folder, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            while len(times := emulated.answers_s()) < wanted and time.monotonic() < until:
                if process.poll() is not None:
                    raise AbsentError("it ended by itself with %d" % process.returncode)
                time.sleep(1)
        finally:
            process.kill()
    if len(times) < 2 * values:
        raise AbsentError("it read %d values in %.0f s" % (len(times), _MOST_S))
    steady = times[values:]  # the start-up lies in the first sweep
    return values * (steady[-1] - steady[0]) / (len(steady) - 1)
