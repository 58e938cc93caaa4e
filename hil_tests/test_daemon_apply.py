"""Tests of a running gateway whose configuration was changed: it goes on as before until a person gives a reason."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import tty
from pathlib import Path

from click.testing import CliRunner

from gateway.cli import main
from gateway.control import is_running
from gateway.tests.small_park import SITE, SmallPark


def _asked(home: Path, *arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(main, ["--home", str(home), "--lang", "en", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def _until_running(home: Path, daemon: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while not is_running(home):
        assert daemon.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


def _begun_anew(home: Path) -> bool:
    """Tell whether the daemon answers, and nothing waits any more; between two lives it does not answer."""
    done = CliRunner().invoke(main, ["--home", str(home), "--lang", "en", "status", "--json"])
    return done.exit_code == 0 and json.loads(done.stdout)["held"] == []


def test_a_daemon_goes_on_until_a_reason_is_given_and_then_begins_anew(tmp_path: Path) -> None:
    """After an edit and a restart `status` names what waits; `config apply` makes the same process measure by it."""
    park = SmallPark(tmp_path)
    park.close()
    (tmp_path / "journal.sqlite").unlink()
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    site = SITE.replace("/dev/ttyUSB0", os.ttyname(theirs))
    command = [sys.executable, "-m", "gateway", "--home", str(tmp_path), "--lang", "en", "run"]
    (tmp_path / "gateway.toml").write_text(site, encoding="utf-8")
    change = {"what": "meter m-mill: ct_ratio", "before": "200/5", "after": "400/5"}
    daemons = []
    try:
        daemons.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        _until_running(tmp_path, daemons[0])
        assert _asked(tmp_path, "status")["held"] == []
        (tmp_path / "gateway.toml").write_text(site.replace("200/5", "400/5"), encoding="utf-8")
        assert _asked(tmp_path, "config", "plan") == {"changes": [change]}
        daemons[0].send_signal(signal.SIGINT)
        daemons[0].communicate(timeout=60)
        daemons.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        _until_running(tmp_path, daemons[1])
        assert _asked(tmp_path, "status")["held"] == [change]
        answer = _asked(tmp_path, "config", "apply", "--by", "Li Wei", "--reason", "transformers exchanged")
        assert answer == {"changes": [change], "running": True}
        deadline = time.monotonic() + 60
        while not _begun_anew(tmp_path):
            assert daemons[1].poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        assert _asked(tmp_path, "config", "plan") == {"changes": []}
        daemons[1].send_signal(signal.SIGINT)
        out, err = daemons[1].communicate(timeout=60)
        assert daemons[1].returncode == 0, err
        assert out.count(b"4 meters") == 2 and b"WP-CFG-115" in out
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()
        os.close(ours)
        os.close(theirs)
