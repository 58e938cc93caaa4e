"""Topics: the addresses of a gateway's two letter boxes, `v1/<bucket>/<gateway>/up` and `.../down`."""

NAME_BYTES_MAX = 64  # An MQTT topic may hold 65535 bytes; names are for people.
UP = "up"
DOWN = "down"


def is_name(name: str) -> bool:
    """Tell whether *name* can stand in a topic as bucket or gateway id."""
    for character in name:
        if character <= " " or character in "/+#$\x7f" or 0xD800 <= ord(character) <= 0xDFFF:  # halves of a character
            return False
    return 0 < len(name.encode("utf-8")) <= NAME_BYTES_MAX


def up_topic(bucket: str, gateway: str) -> str:
    """Return the topic on which *gateway* offers its batches."""
    assert is_name(bucket) and is_name(gateway)
    return "v1/%s/%s/%s" % (bucket, gateway, UP)


def down_topic(bucket: str, gateway: str) -> str:
    """Return the topic on which *gateway* is answered."""
    assert is_name(bucket) and is_name(gateway)
    return "v1/%s/%s/%s" % (bucket, gateway, DOWN)


def split_topic(topic: str) -> "tuple[str, str, str] | None":
    """Return (bucket, gateway, direction) of *topic*, or None where it is none of ours."""
    parts = topic.split("/")
    if len(parts) != 4 or parts[0] != "v1" or parts[3] not in (UP, DOWN):
        return None
    if not is_name(parts[1]) or not is_name(parts[2]):
        return None
    return parts[1], parts[2], parts[3]
