"""Kernel clock: whether the system's clock is synchronised, and how far it may be off."""

import ctypes

# adjtimex(2): state 5 (TIME_ERROR) means the kernel clock is not synchronised; maxerror is in microseconds.
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


_LIBC = ctypes.CDLL(None, use_errno=True)


def kernel_bound_ms() -> int | None:
    """Return by how many ms the system's clock may be off; None where the kernel says it is not synchronised."""
    timex = _Timex()
    state = int(_LIBC.adjtimex(ctypes.byref(timex)))
    if state < 0 or state == _TIME_ERROR:
        return None
    return max(1, int(timex.maxerror) // 1000)
