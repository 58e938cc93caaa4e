"""A disk image of its own kind: a file over /dev/fuse that writes down every write and flush that reaches it.

A loop device and a real file system on top of it show what a file system does to a disk. The kernel is spoken to
without a library (protocol 7.31); a second file takes marks, so that they stand between the writes they belong to.

`python -m hil_tests.store.fuse_disk FOLDER MEGABYTES LOG` serves until the folder is unmounted.
"""

import ctypes
import errno
import os
import stat
import struct
import sys
import time
from pathlib import Path
from typing import BinaryIO

DISK, MARKS = "disk", "marks"
_WRITE_MAX = 1 << 20
_ROOT, _DISK, _MARKS = 1, 2, 3
_NAMES = {DISK: _DISK, MARKS: _MARKS}
_HEADER = struct.Struct("<IIQQIIIHH")
_FOREVER = 1 << 30
# Operations of the kernel's protocol.
_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS, _RELEASE, _FSYNC = (
    1,
    2,
    3,
    4,
    14,
    15,
    16,
    17,
    18,
    20,
)
_FLUSH, _INIT, _OPENDIR, _RELEASEDIR, _INTERRUPT, _DESTROY, _BATCH_FORGET = 25, 26, 27, 29, 36, 38, 42
_DIRECT = 1  # of an open file: keep nothing in the page cache


class Folder:
    """The mounted folder: the disk and the file of marks."""

    def __init__(self, megabytes: int, log: BinaryIO) -> None:
        self.image = bytearray(megabytes << 20)
        self._log = log

    def answer(self, operation: int, node: int, body: bytes) -> bytes:
        """Return the answer to one request; raises OSError with what the kernel is told."""
        if operation == _INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, _WRITE_MAX, 1, 256, 0, 0)
        if operation == _LOOKUP:
            name = body.rstrip(b"\0").decode()
            if name not in _NAMES:
                raise OSError(errno.ENOENT, name)
            return struct.pack("<QQQQII", _NAMES[name], 0, _FOREVER, _FOREVER, 0, 0) + self._attributes(_NAMES[name])
        if operation in (_GETATTR, _SETATTR):
            return struct.pack("<QII", _FOREVER, 0, 0) + self._attributes(node)
        if operation in (_OPEN, _OPENDIR):
            return struct.pack("<QII", 0, _DIRECT, 0)
        if operation == _READ:
            at, count = struct.unpack_from("<QI", body, 8)
            return bytes(self.image[at : at + count]) if node == _DISK else b""
        if operation == _WRITE:
            at, count = struct.unpack_from("<QI", body, 8)
            return struct.pack("<II", self._write(node, at, body[40 : 40 + count]), 0)
        if operation == _FSYNC:
            self._log.write(b"F")
            return b""
        if operation == _STATFS:
            return bytes(80)
        if operation in (_FLUSH, _RELEASE, _RELEASEDIR, _DESTROY):
            return b""
        raise OSError(errno.ENOSYS, "not here")

    def _attributes(self, node: int) -> bytes:
        size = len(self.image) if node == _DISK else 0
        kind = stat.S_IFDIR | 0o700 if node == _ROOT else stat.S_IFREG | 0o600
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, size >> 9, 0, 0, 0, 0, 0, 0, kind, 1, 0, 0, 0, 4096, 0)

    def _write(self, node: int, at: int, content: bytes) -> int:
        if node == _DISK:
            self.image[at : at + len(content)] = content
            self._log.write(b"W" + struct.pack("<QI", at, len(content)) + content)
        else:
            self._log.write(b"M" + struct.pack("<QI", 0, len(content)) + content)
        return len(content)


def mounted(source: str, folder: Path, kind: str, options: str = "") -> None:
    """Mount; raises OSError where that is not allowed here."""
    if ctypes.CDLL(None, use_errno=True).mount(source.encode(), bytes(folder), kind.encode(), 0, options.encode()):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(folder))


def unmounted(folder: Path, patience_s: float = 30.0) -> None:
    """Unmount, waiting as long as something is in use; after that, and where nothing is mounted, only the name goes.

    A program that another thread is just starting holds every open file for a moment. What is let go lazily stays
    mounted so long, and would write to an image that is laid anew meanwhile.
    """
    libc, detach = ctypes.CDLL(None, use_errno=True), 2
    deadline = time.monotonic() + patience_s
    while libc.umount2(bytes(folder), 0):
        if ctypes.get_errno() != errno.EBUSY or time.monotonic() > deadline:
            libc.umount2(bytes(folder), detach)
            return
        time.sleep(0.002)


def serve(folder: Path, megabytes: int, log_path: Path) -> None:
    """Serve the folder until it is unmounted."""
    line = os.open("/dev/fuse", os.O_RDWR)
    mounted("wattproof", folder, "fuse", "fd=%d,rootmode=40000,user_id=0,group_id=0" % line)
    with log_path.open("wb", buffering=1 << 20) as log:
        own = Folder(megabytes, log)
        while True:
            try:
                request = os.read(line, _WRITE_MAX + 4096)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.ENOENT, errno.EINTR):
                    continue
                raise
            _, operation, unique, node = _HEADER.unpack_from(request)[:4]
            if operation in (_FORGET, _BATCH_FORGET, _INTERRUPT):
                continue
            try:
                code, answer = 0, own.answer(operation, node, request[_HEADER.size :])
            except OSError as error:
                code, answer = -(error.errno or errno.EIO), b""
            os.write(line, struct.pack("<IiQ", 16 + len(answer), code, unique) + answer)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
