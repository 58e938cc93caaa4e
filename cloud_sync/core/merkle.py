"""Merkle tree hashing of RFC 9162 section 2.1, over salted rows: one tenant's rows can be shown alone.

A row is salted because its figures are few enough to be guessed from their bare hash.
"""

from hashlib import sha256

SALT_BYTES = 16
_LEAF = b"\x00"
_NODE = b"\x01"


def salt_of(seed: bytes, index: int) -> bytes:
    """Return the salt of row *index*, drawn from the seed of its account."""
    assert index >= 0
    return sha256(seed + index.to_bytes(4, "big")).digest()[:SALT_BYTES]


def salted_row(seed: bytes, index: int, row: bytes) -> bytes:
    """Return the leaf of row *index*: its salt, then its bytes."""
    return salt_of(seed, index) + row


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above *left* and *right*."""
    return sha256(_NODE + left + right).digest()


def split(count: int) -> int:
    """Return the largest power of two below *count*."""
    size = 1
    while size * 2 < count:
        size *= 2
    return size


def _root(hashes: "list[bytes]") -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    size = split(len(hashes))
    return node_hash(_root(hashes[:size]), _root(hashes[size:]))


def root(leaves: "list[bytes] | tuple[bytes, ...]") -> bytes:
    """Return the root over *leaves*; that of no leaves is SHA-256 of nothing."""
    if not leaves:
        return sha256(b"").digest()
    return _root([leaf_hash(leaf) for leaf in leaves])


def inclusion_path(leaves: "list[bytes] | tuple[bytes, ...]", index: int) -> "tuple[bytes, ...]":
    """Return the hashes that lead from leaf *index* to the root, lowest first."""
    assert 0 <= index < len(leaves)
    hashes = [leaf_hash(leaf) for leaf in leaves]
    path: "list[bytes]" = []
    while len(hashes) > 1:
        size = split(len(hashes))
        if index < size:
            path.append(_root(hashes[size:]))
            hashes = hashes[:size]
        else:
            path.append(_root(hashes[:size]))
            hashes = hashes[size:]
            index -= size
    path.reverse()
    return tuple(path)


def root_from(leaf: bytes, index: int, count: int, path: "tuple[bytes, ...]") -> "bytes | None":
    """Return the root that *path* leads to from leaf *index* of *count*, or None where the path has another length."""
    if not 0 <= index < count:
        return None
    node, last, result = index, count - 1, leaf_hash(leaf)
    for step in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            result = node_hash(step, result)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            result = node_hash(result, step)
        node >>= 1
        last >>= 1
    return result if last == 0 else None


def includes(tree_root: bytes, leaf: bytes, index: int, count: int, path: "tuple[bytes, ...]") -> bool:
    """Tell whether *path* proves that *leaf* is number *index* of the *count* leaves under *tree_root*."""
    return root_from(leaf, index, count, path) == tree_root
