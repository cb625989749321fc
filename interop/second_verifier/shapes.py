"""Checks of decoded CBOR against the shapes of xiezhi.cddl. Each returns its argument or raises `Malformed`."""
import re

from .cbor import Malformed

DIGESTS = {-16: "sha256", -65602: "sm3"}
INSTITUTION_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def expect(condition, what):
    """Raises `Malformed` unless `condition` holds."""
    if not condition:
        raise Malformed(what)


def uint(value, bits=64):
    """A non-negative number of at most `bits` bits."""
    expect(isinstance(value, int) and 0 <= value < 1 << bits, "not a number in range")
    return value


def octets(value, size=None):
    """A byte string, of `size` bytes when given."""
    expect(isinstance(value, bytes) and size in (None, len(value)), "not bytes of the length")
    return value


def text(value):
    """A text string."""
    expect(isinstance(value, str), "not a text")
    return value


def array(value, least, most=None):
    """An array of `least` to `most` items; without `most`, any number from `least`."""
    expect(isinstance(value, list) and least <= len(value) and (most is None or len(value) <= most), "not an array of the length")
    return value


def tuple_of(value, size):
    """An array of exactly `size` items."""
    return array(value, size, size)


def fields(value, required, optional=()):
    """A map with all keys of `required`, perhaps some of `optional`, and no others."""
    expect(isinstance(value, dict), "not a map")
    expect(set(required) <= set(value) <= set(required) | set(optional), "keys missing or not listed")
    return value


def path(value):
    """A Merkle path: at most 65 hashes."""
    for node in array(value, 0, 65):
        octets(node, 32)
    return value


def digest(value):
    """A digest, as (algorithm's name, bytes)."""
    algorithm, octet = tuple_of(value, 2)
    expect(isinstance(algorithm, int) and algorithm in DIGESTS, "unknown digest algorithm")
    return DIGESTS[algorithm], octets(octet, 32)


def digests(value):
    """Up to 16 digests, sorted by algorithm (SHA-256 first), then by value, none twice."""
    found = [digest(item) for item in array(value, 0, 16)]
    expect(all(a < b for a, b in zip(found, found[1:])), "digests not sorted")
    return found


def local_name(value):
    """A Chinese and an English name, as {zh, en}."""
    fields(value, (1, 2))
    return {"zh": text(value[1]), "en": text(value[2])}


def institution_id(value):
    """An institution's id."""
    expect(INSTITUTION_ID.fullmatch(text(value)), "not an institution's id")
    return value
