"""Topics: built from names and taken apart again; names that would break out of their place are none."""

from cloud_sync.core.topic import down_topic, is_name, split_topic, up_topic


def test_topics_come_apart_as_they_were_built():
    """The up and the down topic give bucket, gateway and direction."""
    assert up_topic("b0", "gw-1") == "v1/b0/gw-1/up" and down_topic("b0", "gw-1") == "v1/b0/gw-1/down"
    assert split_topic("v1/b0/gw-1/up") == ("b0", "gw-1", "up")
    assert split_topic(down_topic("b0", "\u56ed\u533a7")) == ("b0", "\u56ed\u533a7", "down")


def test_other_topics_are_none_of_ours():
    """Another version, direction, depth or name is no topic of ours."""
    for topic in ("", "v2/b/g/up", "v1/b/g/sideways", "v1/b/g", "v1/b/g/up/more", "v1//g/up", "v1/b/+/up", "v1/b/#/up"):
        assert split_topic(topic) is None, topic


def test_names_cannot_break_out_of_a_topic():
    """Wildcards, separators, spaces, control characters, halves of characters and endless names are refused."""
    for name in ("", "a/b", "+", "a#", "$SYS", "a b", "a\n", "\x7f", "x" * 65, "\u56ed" * 22, "a" + chr(0xDCFF)):
        assert not is_name(name), name
    for name in ("a", "park7-gw1", "x" * 64, "\u56ed" * 21):
        assert is_name(name), name


def test_signs_and_lengths_at_both_ends():
    """64 bytes are a name, however few signs; what is printed stands, halves of characters and blanks do not."""
    for name, good in (
        ("x" * 64, True), ("x" * 65, False), ("\u6c34" * 21, True), ("\u6c34" * 22, False), ("", False), ("!", True),
        ("~", True), (" ", False), ("a\x00", False), ("\x7f", False), ("/", False), ("+", False), ("#", False),
        ("$", False), (chr(0xD7FF), True), (chr(0xD800), False), (chr(0xDFFF), False), (chr(0xE000), True),
    ):  # fmt: skip
        assert is_name(name) == good, name.encode() if good else len(name)
        assert (
            (split_topic("v1/%s/g/up" % name) is not None) == (split_topic("v1/b/%s/down" % name) is not None) == good
        )
