"""RFC 3161 tokens in the profile of certificate.md, Time-stamp token (CMS: RFC 5652; signing certificate: RFC 5816)."""
from dataclasses import dataclass

from . import der
from .chain import TIME_STAMPING, check_time_stamp_leaf, path_under
from .der import DerError, Reader, Unsupported
from .digests import sha256
from .x509 import P256, check_ecdsa_algorithm, general_names, read_certificate, verify_der

SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
SHA256_OID = "2.16.840.1.101.3.4.2.1"
NULL = b"\x05\x00"
BYTES_MAX, CERTIFICATES_MAX = 128 << 10, 6


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
    signature: bytes
    authority: bytes | None             # the GeneralName that the statement gives


def check_token(data, digest, roots):
    """Checks that the token is over `digest` and holds under one of `roots`. Raises `TokenError` or `ChainError`."""
    if len(data) > BYTES_MAX:
        raise TokenError("malformed")
    try:
        der.check_canonical(data)
        token = _read(data)
        if token.imprint != digest:
            raise TokenError("other-checkpoint")
        if len(token.certificates) > CERTIFICATES_MAX:
            raise TokenError("malformed")
        certificates = [read_certificate(each) for each in token.certificates]
        leaf = next((each for each in certificates if (each.issuer, each.serial) == token.signer), None)
        if leaf is None:
            raise TokenError("malformed")
        others = _check_signature(token, leaf)
    except Unsupported as error:
        raise TokenError("unsupported") from error
    except DerError as error:
        raise TokenError("malformed") from error
    path = path_under(roots, leaf, certificates, token.time, check_time_stamp_leaf, TIME_STAMPING)
    on_path = [each.raw for each in path]
    if not others <= {sha256(raw) for raw in on_path}:
        raise TokenError("bad-signature")
    in_path_order = [raw for raw in on_path if raw in token.certificates]
    own_name = token.authority is None or token.authority in (_directory_name(leaf.subject), *leaf.alternative_names)
    if list(token.certificates) not in (in_path_order, sorted(in_path_order)) or not own_name:
        raise TokenError("malformed")
    return TimeStamp(token.time, tuple(path))


def _read(data):
    outer = Reader(der.only(data, der.SEQUENCE))
    if outer.oid() != SIGNED_DATA:
        raise DerError("not signed data")
    reader = Reader(der.only(outer.content(der.context(0)), der.SEQUENCE))
    outer.end()
    _version(reader, 3)
    algorithms = reader.content(der.SET)
    content = _content(reader.into(der.SEQUENCE))
    certificates = tuple(Reader(reader.optional(der.context(0)) or b"").each())
    signer, attributes, signature = _signer(Reader(der.only(reader.content(der.SET), der.SEQUENCE)), algorithms)
    reader.end()
    imprint, time, authority = _info(Reader(der.only(content, der.SEQUENCE)))
    return _Token(content, imprint, time, certificates, signer, attributes, signature, authority)


def _version(reader, version):
    if reader.integer() != version:
        raise DerError("version")


def _check_sha256(content):
    """Checks an AlgorithmIdentifier's content; parameters are absent or null (RFC 5754)."""
    reader = Reader(content)
    if reader.oid() != SHA256_OID or reader.data[reader.at:] not in (b"", NULL):
        raise Unsupported("digest algorithm")


def _content(reader):
    if reader.oid() != TST_INFO:
        raise DerError("not a time stamp's content")
    content = der.only(reader.content(der.context(0)), der.OCTET_STRING)
    reader.end()
    der.check_canonical(content)
    return content


def _signer(reader, algorithms):
    """Issuer and serial number, signed attributes, signature. `algorithms` are the token's, which are the signer's alone."""
    _version(reader, 1)
    identifier = reader.into(der.SEQUENCE)
    signer = identifier.whole(der.SEQUENCE), identifier.integer()
    identifier.end()
    algorithm = reader.whole(der.SEQUENCE)
    _check_sha256(der.only(algorithm, der.SEQUENCE))
    if algorithms != algorithm:
        raise DerError("other digest algorithms")
    attributes = reader.content(der.context(0))
    check_ecdsa_algorithm(reader.whole(der.SEQUENCE))
    signature = reader.content(der.OCTET_STRING)
    reader.end()
    return signer, attributes, signature


def _info(reader):
    """The imprint, the time and the authority's name of a TSTInfo."""
    _version(reader, 1)
    reader.oid()
    imprint = reader.into(der.SEQUENCE)
    _check_sha256(imprint.content(der.SEQUENCE))
    digest = imprint.content(der.OCTET_STRING)
    imprint.end()
    if not 0 <= reader.integer() < 1 << 160:
        raise DerError("serial number")
    time = der.milliseconds(der.GENERALIZED_TIME, reader.content(der.GENERALIZED_TIME))
    _check_accuracy(Reader(reader.optional(der.SEQUENCE) or b""))
    if reader.optional(der.BOOLEAN) == b"\x00":
        raise DerError("default written")
    reader.optional(der.INTEGER)
    authority = reader.optional(der.context(0))
    for extension in Reader(reader.optional(der.context(1)) or b"").each():
        item = Reader(der.only(extension, der.SEQUENCE))
        item.oid()
        item.content(der.OCTET_STRING)
        item.end()
    reader.end()
    return digest, time, authority


def _check_accuracy(reader):
    """Seconds, then milliseconds and microseconds of 1 to 999; each may be missing."""
    if (seconds := reader.optional(der.INTEGER)) is not None and not 0 <= der.integer(seconds) < 1 << 32:
        raise DerError("accuracy")
    for number in (0, 1):
        part = reader.optional(der.context(number, constructed=False))
        if part is not None and not 1 <= der.integer(part) <= 999:
            raise DerError("accuracy")
    reader.end()


def _directory_name(name):
    """The GeneralName that is a name."""
    return bytes([der.context(4)]) + _length(len(name)) + name


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
    """Checks what the leaf signed. Returns the hashes of the further certificates that the signing certificate attribute names."""
    attributes = _attributes(token.attributes)
    if der.oid(der.only(attributes[CONTENT_TYPE], der.OID)) != TST_INFO:
        raise DerError("content type")
    if der.only(attributes[MESSAGE_DIGEST], der.OCTET_STRING) != sha256(token.content):
        raise TokenError("bad-signature")
    named = Reader(der.only(attributes[SIGNING_CERTIFICATE], der.SEQUENCE))
    identifiers = [_identifier(Reader(der.only(each, der.SEQUENCE))) for each in named.into(der.SEQUENCE).each()]
    if not identifiers:
        raise DerError("no signing certificate")
    signed = b"\x31" + _length(len(token.attributes)) + token.attributes
    (digest, issuer_serial), *others = identifiers
    same_signer = digest == sha256(leaf.raw) and issuer_serial in (None, (_directory_name(leaf.issuer), leaf.serial))
    if same_signer and leaf.key_kind != P256:
        raise Unsupported("the signer's key")
    if not same_signer or not verify_der(leaf.key, signed, token.signature):
        raise TokenError("bad-signature")
    return {digest for digest, _ in others}


def _identifier(reader):
    """Hash, and issuer and serial number if given, of an ESSCertIDv2; its algorithm is SHA-256, written or not."""
    if reader.peek() == der.SEQUENCE:
        _check_sha256(reader.content(der.SEQUENCE))
    digest, issuer_serial = reader.content(der.OCTET_STRING), None
    if (content := reader.optional(der.SEQUENCE)) is not None:
        pair = Reader(content)
        issuer_serial = b"".join(general_names(pair.content(der.SEQUENCE))), pair.integer()
        pair.end()
    reader.end()
    return digest, issuer_serial


def _length(number):
    if number < 128:
        return bytes([number])
    size = (number.bit_length() + 7) // 8
    return bytes([128 | size]) + number.to_bytes(size, "big")
