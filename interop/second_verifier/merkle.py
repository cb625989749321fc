"""Merkle trees of RFC 9162, section 2.1, under any hash."""


class ProofError(ValueError):
    """A path that does not prove; `reason` is the verdict's."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def leaf_hash(hash, leaf):
    return hash(b"\x00" + leaf)


def node_hash(hash, left, right):
    return hash(b"\x01" + left + right)


def root_of(hash, leaves):
    """The root over leaf hashes, not empty. A last node without a neighbour moves up, which is the tree of section 2.1.1."""
    while len(leaves) > 1:
        pairs = [node_hash(hash, *leaves[i:i + 2]) for i in range(0, len(leaves) - 1, 2)]
        leaves = pairs + leaves[len(pairs) * 2:]
    return leaves[0]


def check_inclusion(hash, leaf, index, size, path, root):
    """Checks that `leaf`, the whole entry, is at `index` of `size`. Raises `ProofError`. Section 2.1.3.2."""
    if index >= size:
        raise ProofError("index-outside")
    fn, sn, node = index, size - 1, leaf_hash(hash, leaf)
    for neighbour in path:
        if sn == 0:
            raise ProofError("path-length")
        if fn & 1 or fn == sn:
            node = node_hash(hash, neighbour, node)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(hash, node, neighbour)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError("path-length")
    if node != root:
        raise ProofError("wrong-root")


def consistent(hash, old_size, old_root, new_size, new_root, path):
    """Whether `path` shows that the tree of `old_size` begins the tree of `new_size`; 0 < old < new. Section 2.1.4.2."""
    path = list(path)
    if not path:
        return False
    if old_size & old_size - 1 == 0:
        path.insert(0, old_root)
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for node in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(hash, node, fr), node_hash(hash, node, sr)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(hash, sr, node)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root
