"""MQTT topics: names out of a stranger's packet."""

from collections.abc import Iterator

from paho.mqtt.client import MQTTMessage

from cloud_sync.core.topic import NAME_BYTES_MAX, down_topic, is_name, split_topic, up_topic
from cloud_sync.mqtt import message_of

TOKENS = (b"v1/", b"/up", b"/down", b"#", b"+", b"$", b"\x00", b"\xed\xa0\x80", b"\xff")


def seeds() -> Iterator[bytes]:
    """Yield both topics, one with Chinese names, and one that is not Unicode."""
    yield up_topic("b0", "gw-1").encode()
    yield down_topic("园区", "网关").encode()
    yield b"v1/b0/\xff/up"
    yield b"v1/b0/\xed\xa0\x80/up"


def target(data: bytes) -> None:
    """A topic that is ours is made of its names again; names are short and hold no sign of the topic language."""
    packet = MQTTMessage(1, data)
    message = message_of(packet, 0)
    assert message.topic.encode() in (data, b"")
    assert message.topic or split_topic(message.topic) is None
    for errors in ("replace", "surrogateescape", "surrogatepass", "ignore"):
        try:
            topic = data.decode("utf-8", errors)
        except UnicodeDecodeError:
            continue
        parts = split_topic(topic)
        if parts is not None:
            bucket, gateway, direction = parts
            assert topic == (up_topic if direction == "up" else down_topic)(bucket, gateway)
            assert all(len(name.encode()) <= NAME_BYTES_MAX and not set("/+#$") & set(name) for name in parts[:2])
        assert is_name(topic) in (True, False)
