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
