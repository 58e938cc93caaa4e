"""A software TPM for tests: swtpm on two loopback ports, told to tpm2-tools by the environment."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil_tests.brokers import free_port
from hil_tests.foreign import wanted
from hil_tests.stand import listens

_WAIT_S = 15.0
_ATTEMPTS = 5  # a port may be taken by another test


@contextmanager
def software_tpm(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """Run a TPM that keeps its state in *folder*; skip the test, loudly, where its programs are missing."""
    wanted("swtpm", "tpm2_sign")
    folder.mkdir(exist_ok=True)
    process, port = _started(folder)
    try:
        patch.setenv("TPM2TOOLS_TCTI", "swtpm:host=127.0.0.1,port=%d" % port)
        yield process
    finally:
        process.terminate()
        process.wait(_WAIT_S)


def _started(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Return a TPM that listens, and its port; tpm2-tools look for its control port one above."""
    for _ in range(_ATTEMPTS):
        port = free_port()
        command = ["swtpm", "socket", "--tpm2", "--flags", "not-need-init,startup-clear"]
        command += ["--tpmstate", "dir=%s" % folder.absolute()]
        command += ["--server", "type=tcp,port=%d" % port, "--ctrl", "type=tcp,port=%d" % (port + 1)]
        if listens(port + 1):
            continue
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        until = time.monotonic() + _WAIT_S
        while process.poll() is None and time.monotonic() < until:
            if listens(port + 1):  # a connection to the other port would be taken for its only client
                return process, port
            time.sleep(0.05)
        process.kill()
        process.wait(_WAIT_S)
    raise AssertionError("the software TPM does not start")
