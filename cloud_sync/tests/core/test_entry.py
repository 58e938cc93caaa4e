"""Links of entries, against values computed with sha256sum."""

from cloud_sync.core.entry import FIRST_SEQUENCE, GENESIS, chain, link


def test_a_link_is_the_hash_the_format_names():
    """SHA-256(32 zero bytes, 00..01, SHA-256("abc")); the value was computed with coreutils."""
    expected = bytes.fromhex("a0e0e86bb6a4b2a8c5a30ce969558a851d5130ea9bb01898434149940e7150dc")
    assert link(GENESIS, 1, b"abc") == expected


def test_each_entry_follows_the_one_before():
    """The second entry's link is made from the first one's."""
    first, second = chain(GENESIS, FIRST_SEQUENCE, (b"abc", b""))
    assert (first.sequence, first.body) == (1, b"abc") and (second.sequence, second.body) == (2, b"")
    assert (
        second.link
        == link(first.link, 2, b"")
        == bytes.fromhex("03c633f8f07d695f59868e0ee82274939285c9a0b129956347bd636dafc610f1")
    )


def test_any_change_changes_the_link():
    """Another previous link, another sequence and another body each give another link."""
    links = {link(GENESIS, 1, b"a"), link(b"\x01" * 32, 1, b"a"), link(GENESIS, 2, b"a"), link(GENESIS, 1, b"b")}
    assert len(links) == 4


def vectors():
    """The links of 200 entries with bodies of every length up to 199."""
    bodies = tuple([bytes([n]) * n for n in range(200)])
    return [entry.link for entry in chain(GENESIS, FIRST_SEQUENCE, bodies)]
