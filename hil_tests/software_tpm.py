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


@contextmanager
def software_tpm(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """Run a TPM that keeps its state in *folder*; skip the test, loudly, where its programs are missing."""
    wanted("swtpm", "tpm2_sign")
    port = free_port()
    control = port + 1  # where tpm2-tools look for it
    folder.mkdir(exist_ok=True)
    command = ["swtpm", "socket", "--tpm2", "--flags", "not-need-init,startup-clear"]
    command += ["--tpmstate", "dir=%s" % folder.absolute()]
    command += ["--server", "type=tcp,port=%d" % port, "--ctrl", "type=tcp,port=%d" % control]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _WAIT_S
        while not listens(control):  # a connection to the other port would be taken for its only client
            assert process.poll() is None and time.monotonic() < until, "the software TPM does not start"
            time.sleep(0.05)
        patch.setenv("TPM2TOOLS_TCTI", "swtpm:host=127.0.0.1,port=%d" % port)
        yield process
    finally:
        process.terminate()
        process.wait(_WAIT_S)
