"""Manifests: manifest.md."""
from dataclasses import dataclass

from .cbor import encode
from .digests import sha256
from .merkle import leaf_hash, root_of
from .shapes import array, digest, expect, octets, text, tuple_of, uint

DIGEST_FIELDS = {"digest.sha256": "sha256", "digest.sm3": "sm3"}


@dataclass(frozen=True)
class Manifest:
    """A manifest as shown: its root, the open fields by name, and how many entries are closed."""
    root: bytes
    open: dict
    closed: int

    @property
    def digests(self):
        """The exhibit's digests that open fields name, as (algorithm's name, bytes)."""
        found = [(DIGEST_FIELDS[name], value) for name, value in self.open.items() if name in DIGEST_FIELDS]
        return [tuple_digest for wanted, value in found if (tuple_digest := _digest(value, wanted))]

    @property
    def size(self):
        """The exhibit's length, if an open field states it as a number."""
        size = self.open.get("size")
        return size if isinstance(size, int) else None


def manifest(value):
    """Reads a manifest."""
    leaves, names, open_fields = [], [], {}
    for entry in array(value, 1, 256):
        if isinstance(entry, bytes):
            leaves.append(octets(entry, 32))
            continue
        salt, name, content = tuple_of(entry, 3)
        octets(salt, 16)
        expect(1 <= len(text(name).encode()) <= 64, "name")
        _check_value(content)
        leaves.append(leaf_hash(sha256, encode(entry)))
        names.append(name.encode())
        open_fields[name] = content
    expect(all(a < b for a, b in zip(names, names[1:])), "open fields not sorted")
    return Manifest(root_of(sha256, leaves), open_fields, len(leaves) - len(names))


def _check_value(value):
    if isinstance(value, int):
        uint(value)
    elif isinstance(value, list):
        digest(value)
    else:
        expect(isinstance(value, (str, bytes)), "value")


def _digest(value, wanted):
    """The digest of a field, if it is one under the algorithm that the field's name says."""
    if not isinstance(value, list):
        return None
    found = digest(value)
    return found if found[0] == wanted else None
