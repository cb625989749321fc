"""CBOR (RFC 8949): a reader of anything well formed, and a writer of the one deterministic encoding (section 4.2.1).

A value is deterministic when writing what was read gives the same bytes. `int`, `bytes`, `str`, `list`, `dict` and `None` stand for
themselves; every other item is a `Tagged` or an `Opaque`, so that `true` is never taken for 1.
"""
from dataclasses import dataclass

DEPTH_MAX = 64
_INDEFINITE = object()
_BREAK = object()


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
    """Reads one item that fills `data`, deterministic or not. Raises `Malformed`."""
    value, end = decode_first(data)
    if end != len(data):
        raise Malformed("bytes follow the item")
    return value


def decode_first(data):
    """Reads the item at the beginning of `data`; returns it and where it ends."""
    reader = _Reader(data)
    value = reader.item(0)
    if value is _BREAK:
        raise Malformed("break outside an item")
    return value, reader.at


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

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed("the item is cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def item(self, depth):
        if depth > DEPTH_MAX:
            raise Malformed("nested too deep")
        start = self.at
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            number = info
        elif info < 28:
            number = int.from_bytes(self.take(1 << info - 24), "big")
        elif info == 31 and major in (2, 3, 4, 5, 7):
            number = _INDEFINITE
        else:
            raise Malformed("reserved head")
        if major == 7:
            return self.simple(start, info, number)
        return (self.unsigned, self.negative, self.byte_string, self.text, self.array, self.map, self.tagged)[major](number, depth)

    def simple(self, start, info, number):
        if number is _INDEFINITE:
            return _BREAK
        if info == 22:
            return None
        if info == 24 and number < 32:
            raise Malformed("simple value in two bytes")
        return Opaque(self.data[start:self.at])

    def unsigned(self, number, depth):
        return number

    def negative(self, number, depth):
        return -1 - number

    def byte_string(self, number, depth):
        if number is not _INDEFINITE:
            return self.take(number)
        return b"".join(self.until_break(depth, bytes))

    def text(self, number, depth):
        if number is _INDEFINITE:
            return "".join(self.until_break(depth, str))
        try:
            return self.take(number).decode()
        except UnicodeDecodeError as error:
            raise Malformed("text is not UTF-8") from error

    def until_break(self, depth, kind):
        while True:
            nested = self.at < len(self.data) and self.data[self.at] in (0x5F, 0x7F)
            chunk = self.item(depth + 1)
            if chunk is _BREAK:
                return
            if nested and kind is not object:
                raise Malformed("chunk of indefinite length")
            if not isinstance(chunk, kind):
                raise Malformed("chunk of another type")
            yield chunk

    def value(self, depth):
        value = self.item(depth + 1)
        if value is _BREAK:
            raise Malformed("break in the wrong place")
        return value

    def array(self, number, depth):
        if number is _INDEFINITE:
            return list(self.until_break(depth, object))
        if number > len(self.data) - self.at:
            raise Malformed("the array is cut off")
        return [self.value(depth) for _ in range(number)]

    def map(self, number, depth):
        if number is not _INDEFINITE and number > len(self.data) - self.at:
            raise Malformed("the map is cut off")
        pairs, seen = {}, set()
        while number is _INDEFINITE or len(pairs) < number:
            key = self.item(depth + 1)
            if key is _BREAK:
                if number is _INDEFINITE:
                    return pairs
                raise Malformed("break in the wrong place")
            encoding = encode(key)
            if encoding in seen:
                raise Malformed("a key occurs twice")
            seen.add(encoding)
            pairs[key if isinstance(key, (int, str, bytes)) else Opaque(encoding)] = self.value(depth)
        return pairs

    def tagged(self, number, depth):
        return Tagged(number, self.value(depth))
