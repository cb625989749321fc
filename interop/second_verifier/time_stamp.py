"""RFC 3161 tokens in the profile of certificate.md, Time-stamp token (CMS: RFC 5652; signing certificate: RFC 5816)."""
from dataclasses import dataclass

from . import der
from .chain import TIME_STAMPING, ChainError, check_time_stamp_leaf, path_under, read
from .der import DerError, Reader, Unsupported
from .digests import sha256
from .keys import verify_p256
from .x509 import check_ecdsa_algorithm, ecdsa_numbers

SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
SHA256_OID = "2.16.840.1.101.3.4.2.1"


class TokenError(ValueError):
    """A token that does not hold; `reason` is the verdict's."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class TimeStamp:
    """A token that holds: its time in milliseconds and the signer's path, root last."""
    time: int
    path: tuple

    @property
    def authority(self):
        return self.path[0]


@dataclass(frozen=True)
class _Token:
    content: bytes
    imprint: bytes
    time: int
    certificates: tuple
    signer: tuple                       # issuer's name, serial number
    attributes: bytes
    signature: tuple


def check_token(data, digest, roots):
    """Checks that the token is over `digest` and holds under one of `roots`. Raises `TokenError` or `ChainError`."""
    try:
        der.check_canonical(data)
        token = _read(data)
        if token.imprint != digest:
            raise TokenError("other-checkpoint")
        certificates = [read(each) for each in token.certificates]
        leaf = next((each for each in certificates if (each.issuer, each.serial) == token.signer), None)
        if leaf is None:
            raise ChainError("chain-unknown-issuer")
        _check_signature(token, leaf)
    except Unsupported as error:
        raise TokenError("unsupported") from error
    except DerError as error:
        raise TokenError("malformed") from error
    path = path_under(roots, leaf, certificates, token.time, check_time_stamp_leaf, TIME_STAMPING)
    on_path = [each.raw for each in path]
    in_path_order = [raw for raw in on_path if raw in token.certificates]
    if list(token.certificates) not in (in_path_order, sorted(in_path_order)):
        raise TokenError("malformed")
    return TimeStamp(token.time, tuple(path))


def _read(data):
    outer = Reader(der.only(data, der.SEQUENCE))
    if outer.oid() != SIGNED_DATA:
        raise DerError("not signed data")
    reader = Reader(der.only(outer.content(der.context(0)), der.SEQUENCE))
    outer.end()
    _version(reader, 3)
    _check_sha256(der.only(reader.content(der.SET), der.SEQUENCE))
    content = _content(reader.into(der.SEQUENCE))
    certificates = tuple(Reader(reader.optional(der.context(0)) or b"").each())
    if reader.peek() == der.context(1):
        raise Unsupported("revocation lists inside")
    signer, attributes, signature = _signer(Reader(der.only(reader.content(der.SET), der.SEQUENCE)))
    reader.end()
    imprint, time = _info(Reader(der.only(content, der.SEQUENCE)))
    return _Token(content, imprint, time, certificates, signer, attributes, signature)


def _version(reader, version):
    if reader.integer() != version:
        raise Unsupported("version")


def _check_sha256(content):
    """Checks an AlgorithmIdentifier's content; parameters are absent or null (RFC 5754)."""
    reader = Reader(content)
    if reader.oid() != SHA256_OID:
        raise Unsupported("digest algorithm")
    if not reader.done():
        der.null(reader.content(der.NULL))
    reader.end()


def _content(reader):
    if reader.oid() != TST_INFO:
        raise DerError("not a time stamp's content")
    content = der.only(reader.content(der.context(0)), der.OCTET_STRING)
    reader.end()
    der.check_canonical(content)
    return content


def _signer(reader):
    _version(reader, 1)
    identifier = reader.into(der.SEQUENCE)
    signer = identifier.whole(der.SEQUENCE), identifier.integer()
    identifier.end()
    _check_sha256(reader.content(der.SEQUENCE))
    attributes = reader.content(der.context(0))
    check_ecdsa_algorithm(reader.whole(der.SEQUENCE))
    signature = ecdsa_numbers(reader.content(der.OCTET_STRING))
    if not reader.done():
        raise Unsupported("unsigned attributes")
    return signer, attributes, signature


def _info(reader):
    """The imprint and the time of a TSTInfo."""
    _version(reader, 1)
    reader.oid()
    imprint = reader.into(der.SEQUENCE)
    _check_sha256(imprint.content(der.SEQUENCE))
    digest = imprint.content(der.OCTET_STRING)
    imprint.end()
    reader.integer()
    time = der.milliseconds(der.GENERALIZED_TIME, reader.content(der.GENERALIZED_TIME))
    reader.optional(der.SEQUENCE)
    if reader.optional(der.BOOLEAN) == b"\x00":
        raise DerError("default written")
    reader.optional(der.INTEGER)
    reader.optional(der.context(0))
    for extension in Reader(reader.optional(der.context(1)) or b"").each():
        item = Reader(der.only(extension, der.SEQUENCE))
        item.oid()
        if item.optional(der.BOOLEAN) is not None:
            raise Unsupported("critical extension")
    reader.end()
    return digest, time


def _attributes(content):
    """The signed attributes as {oid: value}, sorted, each once with one value."""
    items = list(Reader(content).each())
    if items != sorted(items):
        raise DerError("attributes not sorted")
    found = {}
    for item in items:
        reader = Reader(der.only(item, der.SEQUENCE))
        oid, values = reader.oid(), list(reader.into(der.SET).each())
        reader.end()
        if oid in found or len(values) != 1:
            raise DerError("attribute twice, or not one value")
        found[oid] = values[0]
    if not {CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE} <= set(found):
        raise DerError("attribute missing")
    return found


def _check_signature(token, leaf):
    attributes = _attributes(token.attributes)
    if der.oid(der.only(attributes[CONTENT_TYPE], der.OID)) != TST_INFO:
        raise DerError("content type")
    same_content = der.only(attributes[MESSAGE_DIGEST], der.OCTET_STRING) == sha256(token.content)
    named = Reader(der.only(attributes[SIGNING_CERTIFICATE], der.SEQUENCE))
    same_signer = _names(Reader(next(Reader(named.content(der.SEQUENCE)).each(), b"")), leaf)
    length = len(token.attributes)
    signed = b"\x31" + _length(length) + token.attributes
    if not (same_content and same_signer and verify_p256(leaf.key, signed, *token.signature)):
        raise TokenError("bad-signature")


def _names(reader, leaf):
    """Whether the ESSCertIDv2 is the leaf's: its hash under SHA-256 (the default, not written), issuer and serial if given."""
    identifier = reader.into(der.SEQUENCE)
    if identifier.peek() == der.SEQUENCE:
        raise Unsupported("signing certificate under another hash")
    digest = identifier.content(der.OCTET_STRING)
    if (content := identifier.optional(der.SEQUENCE)) is not None:
        pair = Reader(content)
        issuer = der.only(der.only(pair.content(der.SEQUENCE), der.context(4)), der.SEQUENCE)
        serial = pair.integer()
        pair.end()
        if (Reader(leaf.issuer).content(der.SEQUENCE), leaf.serial) != (issuer, serial):
            return False
    identifier.end()
    return digest == sha256(leaf.raw)


def _length(number):
    if number < 128:
        return bytes([number])
    size = (number.bit_length() + 7) // 8
    return bytes([128 | size]) + number.to_bytes(size, "big")
