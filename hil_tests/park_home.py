"""Lays out the emulated park in a folder: the emulator's configuration and the gateway's, pointing at each other."""

from pathlib import Path
from typing import NamedTuple

PARK = Path(__file__).parent / "park"


class ParkHome(NamedTuple):
    """Where everything is. emulator: the configuration to give to the emulator, with `--home buses`."""

    emulator: Path
    buses: Path
    truth: Path
    gateway: Path


def lay_out(folder: Path, broker: str = "mqtt://127.0.0.1:1883") -> ParkHome:
    """Write the gateway's configuration for the emulated park into *folder*/gateway, and say where things go.

    A gateway.toml that is there already stays, so that a park can be stopped and continued.
    """
    home = ParkHome(PARK / "park.toml", folder / "buses", folder / "truth.jsonl", folder / "gateway" / "gateway.toml")
    home.buses.mkdir(parents=True, exist_ok=True)
    home.gateway.parent.mkdir(parents=True, exist_ok=True)
    if not home.gateway.exists():
        text = (PARK / "gateway.toml").read_text(encoding="utf-8")
        text = text.replace("{buses}", str(home.buses.resolve())).replace("mqtt://127.0.0.1:1883", broker)
        home.gateway.write_text(text, encoding="utf-8")
    return home
