"""Tree: the Merkle tree (RFC 9162) over the links of a chain, kept as its at most 64 peaks and grown link by link.

Leaf number n is the link of entry n + 1. A checkpoint names the size and the root of this tree: two of them can
be compared, and an entry shown in one of them, with some twenty hashes instead of the entries between.
"""

from collections import namedtuple

from cloud_sync.core.merkle import leaf_hash, node_hash, root, split

PEAKS_MAX = 64  # One for each bit of a size.


class Tree(namedtuple("Tree", ("size", "peaks"))):
    """The first *size* leaves: the roots of the perfect trees they fall into, the largest first."""

    __slots__ = ()
    size: int
    peaks: "tuple[bytes, ...]"


EMPTY = Tree(0, ())


def is_tree(tree: Tree) -> bool:
    """Tell whether *tree* has as many peaks as its size has bits."""
    bits, size = 0, tree.size
    while size > 0:
        bits += size & 1
        size >>= 1
    if tree.size < 0 or len(tree.peaks) != bits:
        return False
    return not [peak for peak in tree.peaks if len(peak) != 32]


def grown(tree: Tree, links: "list[bytes] | tuple[bytes, ...]") -> Tree:
    """Return *tree* with *links* after its leaves."""
    size, peaks = tree.size, list(tree.peaks)
    for one in links:
        node, bits = leaf_hash(one), size
        while bits & 1:
            node = node_hash(peaks.pop(), node)
            bits >>= 1
        peaks.append(node)
        size += 1
    return Tree(size, tuple(peaks))


def root_of(tree: Tree) -> bytes:
    """Return the root of *tree*."""
    if not tree.peaks:
        return root(())
    result = tree.peaks[-1]
    for index in range(len(tree.peaks) - 2, -1, -1):
        result = node_hash(tree.peaks[index], result)
    return result


class Growth:
    """A tree and the links that came after it: enough for every proof about those, and about the tree itself."""

    def __init__(self, before: Tree, links: "list[bytes] | tuple[bytes, ...]") -> None:
        self.before = before
        self.size = before.size + len(links)
        self._hashes = [leaf_hash(one) for one in links]
        self._peaks: "dict[tuple[int, int], bytes]" = {}
        start, width = 0, 1
        while width * 2 <= before.size:
            width *= 2
        for peak in before.peaks:
            while start + width > before.size:
                width >>= 1
            self._peaks[(start, start + width)] = peak
            start += width

    def _node(self, first: int, end: int) -> bytes:
        """Return the root over the leaves from *first* up to *end*."""
        if end <= self.before.size:
            return self._peaks[(first, end)]
        if end - first == 1:
            return self._hashes[first - self.before.size]
        middle = first + split(end - first)
        return node_hash(self._node(first, middle), self._node(middle, end))

    def inclusion(self, index: int) -> "tuple[bytes, ...]":
        """Return the hashes that lead from leaf *index*, one of those after the tree, to the root, lowest first."""
        assert self.before.size <= index < self.size
        path = []
        first, end = 0, self.size
        while end - first > 1:
            middle = first + split(end - first)
            if index < middle:
                path.append(self._node(middle, end))
                end = middle
            else:
                path.append(self._node(first, middle))
                first = middle
        path.reverse()
        return tuple(path)

    def consistency(self) -> "tuple[bytes, ...]":
        """Return the hashes that prove that the tree is how the grown one begins (RFC 9162, 2.1.4.1)."""
        assert self.before.size > 0
        path = []
        first, end, whole = 0, self.size, True
        while self.before.size != end:
            middle = first + split(end - first)
            if self.before.size <= middle:
                path.append(self._node(middle, end))
                end = middle
            else:
                path.append(self._node(first, middle))
                first, whole = middle, False
        if not whole:
            path.append(self._node(first, end))
        path.reverse()
        return tuple(path)


def continues(size: int, tree_root: bytes, later: int, later_root: bytes, path: "tuple[bytes, ...]") -> bool:
    """Tell whether *path* proves that the tree of *later* leaves begins with that of *size* (RFC 9162, 2.1.4.2)."""
    if not 0 < size <= later:
        return False
    if size == later:
        return not path and tree_root == later_root
    steps = list(path)
    if size & (size - 1) == 0:
        steps.insert(0, tree_root)
    if not steps:
        return False
    node, last = size - 1, later - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old = node_hash(step, old)
            new = node_hash(step, new)
            while node and not node & 1:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, step)
        node >>= 1
        last >>= 1
    return last == 0 and old == tree_root and new == later_root
