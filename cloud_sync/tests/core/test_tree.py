"""The tree over a chain's links, against the published proofs of RFC 9162 and a second implementation written here."""

from hashlib import sha256

from cloud_sync.core.tree import EMPTY, Growth, Tree, continues, grown, is_tree, root_of

# The eight leaves that the reference implementations of Certificate Transparency test with.
LEAVES = tuple(
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
)
# Their consistency proofs, from the tests of the reference implementation: (old size, new size, proof).
PROOFS = (
    (1, 1, ()),
    (
        1,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        6,
        8,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (
        2,
        5,
        (
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
)


def _hash(leaves):
    """The tree hash of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    size = 1
    while size * 2 < len(leaves):
        size *= 2
    return sha256(b"\x01" + _hash(leaves[:size]) + _hash(leaves[size:])).digest()


def _proof(size, leaves, whole=True):
    """SUBPROOF of RFC 9162, 2.1.4.1, word for word."""
    if size == len(leaves):
        return [] if whole else [_hash(leaves)]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    if size <= middle:
        return _proof(size, leaves[:middle], whole) + [_hash(leaves[middle:])]
    return _proof(size - middle, leaves[middle:], False) + [_hash(leaves[:middle])]


def _path(index, leaves):
    """PATH of RFC 9162, 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    if index < middle:
        return _path(index, leaves[:middle]) + [_hash(leaves[middle:])]
    return _path(index - middle, leaves[middle:]) + [_hash(leaves[:middle])]


def _links(count):
    return [sha256(b"%d" % number).digest() for number in range(count)]


def test_the_published_consistency_proofs_are_ours():
    """The proofs between the reference trees of 1, 2, 5, 6 and 8 leaves are the published ones, and they hold."""
    for size, later, expected in PROOFS:
        growth = Growth(grown(EMPTY, LEAVES[:size]), LEAVES[size:later])
        path = growth.consistency()
        assert [step.hex() for step in path] == list(expected)
        assert continues(size, _hash(LEAVES[:size]), later, _hash(LEAVES[:later]), path)


def test_a_tree_grown_link_by_link_has_the_root_of_all_its_leaves():
    """For every size up to 70 the peaks give the root of the whole, and their number is that of the size's bits."""
    links = _links(70)
    tree = EMPTY
    for size in range(71):
        assert root_of(tree) == _hash(links[:size])
        assert is_tree(tree)
        assert not is_tree(Tree(size, tree.peaks + (b"\x00" * 32,)))
        assert not is_tree(Tree(size, tuple([peak[1:] for peak in tree.peaks]))) or not size
        if size < 70:
            tree = grown(tree, links[size : size + 1])


def test_every_proof_is_that_of_the_standard_and_proves_nothing_else():
    """For all sizes up to 24: proofs equal those of the second implementation, and no other pair of roots has them."""
    links = _links(24)
    for size in range(1, 25):
        before = grown(EMPTY, links[:size])
        for later in range(size, 25):
            growth = Growth(before, links[size:later])
            path = growth.consistency()
            assert list(path) == _proof(size, links[:later])
            old, new = _hash(links[:size]), _hash(links[:later])
            assert continues(size, old, later, new, path)
            assert not continues(size, old, later, new, path + (old,))
            if size == later:
                continue
            other = _hash([b"\x01" * 32] + links[1:size])
            assert not continues(size, other, later, new, path)
            assert not continues(size, old, later, _hash(links[:later][::-1]), path)
            assert not continues(size, old, later, new, path[1:])
            assert not continues(later, new, size, old, path)
            for index in range(size, later):
                assert list(growth.inclusion(index)) == _path(index, links[:later])


def test_nothing_follows_from_no_tree():
    """An empty tree begins every tree, so that it proves nothing: it is not taken."""
    assert not continues(0, _hash([]), 3, _hash(_links(3)), ())


def test_a_tree_of_its_own_size_needs_no_proof_and_a_larger_one_needs_some():
    """Without a path only the same root of the same size is taken; three leaves follow from one by a path alone."""
    one, three = _hash(_links(1)), _hash(_links(3))
    assert continues(3, three, 3, three, ()) and not continues(3, three, 3, one, ())
    assert not continues(3, three, 3, three, (one,))
    assert not continues(3, three, 4, three, ())
    assert not continues(1, one, 3, three, ())


def vectors():
    """Peaks and proofs in trees of 1 to 20 links."""
    links = _links(20)
    pieces = []
    for size in range(1, 20):
        tree = grown(EMPTY, links[:size])
        pieces.extend(tree.peaks)
        growth = Growth(tree, links[size:])
        pieces.extend(growth.consistency())
        pieces.extend(growth.inclusion(19))
    return pieces
