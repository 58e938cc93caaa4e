"""Texts out of bytes, as a file of people holds them, and the words that TOML is made of."""

TOML_TOKENS = (
    b"[[", b"]]", b" = ", b'""', b"'''", b"{", b"}", b"true", b"0x", b"inf", b"nan", b"1979-05-27", b"07:32:00",
    b"\\u0000", b"\xe7\x94\xb5", b"\n", b"[gateway]", b"-1", b"99999999999999999999", b"0.", b"/", b"kW",
)  # fmt: skip


def text_of(data: bytes) -> str | None:
    """Return *data* as the text of a file, None where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
