"""CBOR (RFC 8949): a reader of well-formed items of definite lengths, and a writer of the one deterministic encoding (section 4.2.1).

A value is deterministic when writing what was read gives the same bytes. `int`, `bytes`, `str`, `list`, `dict` and `None` stand for
themselves; every other item is a `Tagged` or an `Opaque`, so that `true` is never taken for 1.
"""
from dataclasses import dataclass

DEPTH_MAX = 64


class Malformed(ValueError):
    """The bytes are not the object they should be."""


@dataclass(frozen=True)
class Tagged:
    """A tagged item."""
    tag: int
    value: object


@dataclass(frozen=True)
class Opaque:
    """A simple value other than null, or a floating-point number, by its encoding."""
    encoding: bytes


def decode(data):
    """Reads one item that fills `data`: shortest forms, no key twice, keys in any order. Raises `Malformed`."""
    reader = _Reader(data)
    value = reader.item(0)
    if reader.at != len(data):
        raise Malformed("bytes follow the item")
    if not reader.plain:
        raise Malformed("long form, or a key twice")
    return value


def decode_first(data):
    """Reads the item at the beginning of `data`, in whatever form. Of a key that is there twice the last value is kept."""
    return _Reader(data).item(0)


def first_entry(data):
    """Key and value of the first entry of the map at the beginning of `data`; `None` unless both are non-negative numbers."""
    reader = _Reader(data)
    try:
        (major, entries), key, value = reader.head(), reader.head(), reader.head()
    except Malformed:
        return None
    return (key[1], value[1]) if major == 5 and entries and key[0] == value[0] == 0 else None


def decode_deterministic(data):
    """Reads one item that fills `data` and refuses every encoding of it but the deterministic one."""
    value = decode(data)
    if encode(value) != data:
        raise Malformed("not deterministic")
    return value


def encode(value):
    """The deterministic encoding of `value`."""
    if value is None:
        return b"\xf6"
    if isinstance(value, int) and not isinstance(value, bool):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return _head(3, len(text)) + text
    if isinstance(value, (list, tuple)):
        return _head(4, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        pairs = sorted((encode(key), encode(item)) for key, item in value.items())
        return _head(5, len(pairs)) + b"".join(key + item for key, item in pairs)
    if isinstance(value, Tagged):
        return _head(6, value.tag) + encode(value.value)
    if isinstance(value, Opaque):
        return value.encoding
    raise TypeError(f"no encoding for {type(value)}")


def _head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | info]) + number.to_bytes(size, "big")
    raise ValueError("beyond 64 bits")


class _Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0
        self.plain = True

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed("the item is cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def head(self):
        """Major type and argument. Notes an argument that is not in its shortest form."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info > 27:
            raise Malformed("reserved head, or indefinite length")
        size = 1 << info - 24
        number = int.from_bytes(self.take(size), "big")
        if major == 7 and size == 1 and number < 32:
            raise Malformed("simple value in two bytes")
        if major != 7 and number < (24 if size == 1 else 1 << 4 * size):
            self.plain = False
        return major, number

    def item(self, depth):
        if depth > DEPTH_MAX:
            raise Malformed("nested too deep")
        start = self.at
        major, number = self.head()
        if major == 7:
            encoding = self.data[start:self.at]
            return None if encoding == b"\xf6" else Opaque(encoding)
        return (self.unsigned, self.negative, self.octets, self.text, self.array, self.map, self.tagged)[major](number, depth)

    def unsigned(self, number, depth):
        return number

    def negative(self, number, depth):
        return -1 - number

    def octets(self, number, depth):
        return self.take(number)

    def text(self, number, depth):
        try:
            return self.take(number).decode()
        except UnicodeDecodeError as error:
            raise Malformed("text is not UTF-8") from error

    def array(self, number, depth):
        if number > len(self.data) - self.at:
            raise Malformed("the array is cut off")
        return [self.item(depth + 1) for _ in range(number)]

    def map(self, number, depth):
        if number > len(self.data) - self.at:
            raise Malformed("the map is cut off")
        pairs, seen = {}, set()
        for _ in range(number):
            start = self.at
            key = self.item(depth + 1)
            encoding = self.data[start:self.at]
            if encoding in seen:
                self.plain = False
            seen.add(encoding)
            pairs[key if isinstance(key, (int, str, bytes)) else Opaque(encoding)] = self.item(depth + 1)
        return pairs

    def tagged(self, number, depth):
        return Tagged(number, self.item(depth + 1))
