"""Merkle hashing against the published roots and paths of Certificate Transparency (RFC 6962 and 9162)."""

from hashlib import sha256

from cloud_sync.core.merkle import includes, inclusion_path, root, root_from, salt_of, salted_row

# The eight leaves that the reference implementations of Certificate Transparency test with.
LEAVES = tuple(
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
)
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_roots_are_the_published_ones():
    """The roots over the first 1 to 8 leaves are those of the reference tree; that over none is SHA-256 of nothing."""
    for count in range(1, 9):
        assert root(LEAVES[:count]) == bytes.fromhex(ROOTS[count - 1])
    assert root(()) == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def test_a_published_path_is_ours():
    """The path of leaf 0 of 8 is the published one."""
    expected = (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    )
    assert [step.hex() for step in inclusion_path(LEAVES, 0)] == list(expected)


def test_every_leaf_is_shown_and_nothing_else():
    """In trees of 1 to 17 leaves every leaf's path leads to the root; another leaf, place, count or path does not."""
    for count in range(1, 18):
        leaves = [bytes((number,)) * 3 for number in range(count)]
        tree_root = root(leaves)
        for index in range(count):
            path = inclusion_path(leaves, index)
            assert includes(tree_root, leaves[index], index, count, path)
            assert not includes(tree_root, b"x", index, count, path)
            assert not includes(tree_root, leaves[index], index, count, path + (tree_root,))
            assert root_from(leaves[index], count, count, path) is None
            if path:
                assert not includes(tree_root, leaves[index], index, count, path[1:])
                assert not includes(tree_root, leaves[index], (index + 1) % count, count, path)


def test_salts_differ_by_row_and_seed():
    """No two rows and no two seeds share a salt, and a salted row is the salt and then the row."""
    seeds = (b"\x00" * 32, b"\x01" * 32)
    salts = {salt_of(seed, index) for seed in seeds for index in range(50)}
    assert len(salts) == 100
    assert salted_row(seeds[0], 7, b"row") == salt_of(seeds[0], 7) + b"row"
    assert len(salt_of(seeds[0], 7)) == 16


def test_a_salt_is_the_start_of_a_hash():
    """The first 16 bytes of SHA-256 over the seed and the number of the row in four bytes: auditors compute it too."""
    for index in (0, 1, 255, 256, 65536, (1 << 32) - 1):
        number = bytes([index >> 24, index >> 16 & 255, index >> 8 & 255, index & 255])
        assert salt_of(b"s" * 32, index) == sha256(b"s" * 32 + number).digest()[:16]
        assert salted_row(b"s" * 32, index, b"row") == salt_of(b"s" * 32, index) + b"row"


def vectors():
    """Roots and paths over salted rows in trees of 1 to 9 leaves."""
    pieces = []
    for count in range(1, 10):
        rows = [salted_row(b"s" * 32, index, b"row %d" % index) for index in range(count)]
        pieces.append(root(rows))
        pieces.extend(inclusion_path(rows, count // 2))
    return pieces
