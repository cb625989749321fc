"""Canonical DER (X.690): a reader that refuses every other encoding."""
from datetime import datetime, timedelta, timezone

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x0A, 0x17, 0x18, 0x30, 0x31
DEPTH_MAX, OID_BYTES_MAX = 32, 39
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class DerError(ValueError):
    """The bytes are not canonical DER of what they should be."""


class Unsupported(DerError):
    """Canonical, but outside the profile: another algorithm, version or form."""


def context(number, constructed=True):
    """The tag byte of a context-specific tag."""
    return 0xA0 | number if constructed else 0x80 | number


class Reader:
    """Reads the elements of one content, in order."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def done(self):
        return self.at == len(self.data)

    def end(self):
        if not self.done():
            raise DerError("elements follow")

    def peek(self):
        return None if self.done() else self.data[self.at]

    def element(self, tag=None):
        """The next element as (tag, content, whole)."""
        start = self.at
        if len(self.data) - start < 2:
            raise DerError("cut off")
        found, length, at = self.data[start], self.data[start + 1], start + 2
        if found & 31 == 31 or tag not in (None, found):
            raise DerError(f"tag {found:#x}")
        if length >= 128:
            size = length & 127
            digits = self.data[at:at + size]
            length, at = int.from_bytes(digits, "big"), at + size
            if size not in (1, 2, 3, 4) or len(digits) != size or digits[0] == 0 or length < 128:
                raise DerError("length not in its shortest form")
        if length > len(self.data) - at:
            raise DerError("cut off")
        self.at = at + length
        return found, self.data[at:self.at], self.data[start:self.at]

    def content(self, tag):
        return self.element(tag)[1]

    def whole(self, tag):
        return self.element(tag)[2]

    def optional(self, tag):
        return self.content(tag) if self.peek() == tag else None

    def into(self, tag):
        """A reader of the next element's content."""
        return Reader(self.content(tag))

    def each(self):
        """The whole encodings of the remaining elements."""
        while not self.done():
            yield self.element()[2]

    def integer(self):
        return integer(self.content(INTEGER))

    def oid(self):
        return oid(self.content(OID))


def only(data, tag):
    """The content of the one element that fills `data`."""
    reader = Reader(data)
    content = reader.content(tag)
    reader.end()
    return content


def check_canonical(data, depth=0):
    """Checks lengths, numbers, booleans, times and the order of sets, as far as tags tell. Defaults are for the caller."""
    if depth > DEPTH_MAX:
        raise DerError("nested too deep")
    reader = Reader(data)
    while not reader.done():
        tag, content, _ = reader.element()
        if tag & 0x20:
            if tag < 0x80 and tag not in (SEQUENCE, SET):
                raise DerError("constructed string")
            check_canonical(content, depth + 1)
            if tag == SET and (items := list(Reader(content).each())) != sorted(items):
                raise DerError("set not sorted")
        elif tag in CHECKS:
            CHECKS[tag](content)
        elif tag in (SEQUENCE & 31, SET & 31):
            raise DerError("primitive sequence")


def integer(content):
    if not content or len(content) > 1 and content[0] in (0, 255) and content[0] >> 7 == content[1] >> 7:
        raise DerError("integer not in its shortest form")
    return int.from_bytes(content, "big", signed=True)


def boolean(content):
    if content not in (b"\x00", b"\xff"):
        raise DerError("boolean")
    return content == b"\xff"


def oid(content):
    if len(content) > OID_BYTES_MAX or content[:1] > b"\x7f":
        raise DerError("object identifier too long, or its first arcs in several octets")
    arcs, arc, begun = [], 0, False
    for byte in content:
        if not begun and byte == 0x80:
            raise DerError("arc not in its shortest form")
        arc, begun = arc << 7 | byte & 127, byte > 127
        if not begun:
            arcs.append(arc)
            arc = 0
    if begun or not arcs:
        raise DerError("object identifier")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def bit_string(content):
    """The octets and the number of unused bits, which are zero."""
    if not content or content[0] > 7 or len(content) == 1 and content[0] or content[-1] & (1 << content[0]) - 1:
        raise DerError("bit string")
    return content[1:], content[0]


def whole_octets(content):
    """The octets of a bit string without unused bits."""
    octets, unused = bit_string(content)
    if unused:
        raise DerError("bit string has unused bits")
    return octets


def named_bits(content):
    """The numbers of the bits set, in a named bit list."""
    octets, unused = bit_string(content)
    if octets and not octets[-1] >> unused & 1:
        raise DerError("named bits end in zero")
    return {i for i in range(8 * len(octets)) if octets[i // 8] >> 7 - i % 8 & 1}


def null(content):
    if content:
        raise DerError("null")


def milliseconds(tag, content):
    """The time of an UTCTime or a GeneralizedTime since 1970, digits after the millisecond cut off."""
    try:
        text = content.decode("ascii")
        if tag == UTC_TIME:
            text = ("19" if text[:2] >= "50" else "20") + text
        whole, _, fraction = text.removesuffix("Z").partition(".")
        proper = text.endswith("Z") and len(whole) == 14 and whole.isdigit()
        if "." in text:
            proper = proper and tag == GENERALIZED_TIME and fraction.isdigit() and len(fraction) <= 9 and not fraction.endswith("0")
        if not proper or whole < "1970":
            raise DerError("time")
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    except (UnicodeDecodeError, ValueError) as error:
        raise DerError("time") from error
    return (moment - EPOCH) // timedelta(milliseconds=1) + int(fraction[:3].ljust(3, "0"))


CHECKS = {
    BOOLEAN: boolean,
    INTEGER: integer,
    ENUMERATED: integer,
    BIT_STRING: bit_string,
    NULL: null,
    OID: oid,
    UTC_TIME: lambda content: milliseconds(UTC_TIME, content),
    GENERALIZED_TIME: lambda content: milliseconds(GENERALIZED_TIME, content),
}
