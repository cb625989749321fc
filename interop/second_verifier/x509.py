"""X.509 certificates and revocation lists in the profile of certificate.md, read strictly (RFC 5280)."""
from dataclasses import dataclass, field
from functools import lru_cache

from . import der
from .der import DerError, Reader, Unsupported
from .keys import p256_point, verify_p256

ECDSA_SHA256 = "1.2.840.10045.4.3.2"
EC_KEY, P256 = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7"
ED25519 = "1.3.101.112"
SUBJECT_KEY, KEY_USAGE, ALTERNATIVE_NAME, BASIC_CONSTRAINTS = "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19"
NAME_CONSTRAINTS, POLICIES, AUTHORITY_KEY, POLICY_CONSTRAINTS = "2.5.29.30", "2.5.29.32", "2.5.29.35", "2.5.29.36"
EXTENDED_KEY_USAGE = "2.5.29.37"
UNDERSTOOD = {BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, ALTERNATIVE_NAME, POLICIES}
NEVER_UNDERSTOOD = {NAME_CONSTRAINTS, POLICY_CONSTRAINTS}
LIST_NUMBER = "2.5.29.20"
DELTA_LIST, DISTRIBUTION_POINT, ENTRY_ISSUER = "2.5.29.27", "2.5.29.28", "2.5.29.29"
REASON, INVALIDITY_DATE = "2.5.29.21", "2.5.29.24"
REASONS = ["unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
           "certificateHold", None, None, "privilegeWithdrawn", "aACompromise"]
COMMON_NAME = "2.5.4.3"
ASCII_NAMES = {der.context(number, constructed=False) for number in (1, 2, 6)}
GENERAL_NAMES = ASCII_NAMES | {der.context(number) for number in (0, 4, 5)} | {der.context(number, constructed=False) for number in (7, 8)}
TEXTS = {0x0C, 0x13, 0x14, 0x16, 0x1E}  # UTF8String, PrintableString, TeletexString, IA5String, BMPString
CERTIFICATE_BYTES_MAX = 16 << 10


@dataclass(frozen=True)
class X509Certificate:
    """One certificate; times in milliseconds. `usage` and `purposes` are `None` where the extension is absent."""
    raw: bytes
    signed: bytes
    signature: bytes
    unsupported: bool                   # signed under another algorithm than ECDSA with SHA-256
    serial: int
    issuer: bytes
    subject: bytes
    not_before: int
    not_after: int
    key_kind: str
    key: bytes
    authority: bool = False
    path_length: int | None = None
    usage: frozenset | None = None
    purposes: tuple | None = None
    alternative_names: tuple = ()
    key_id: bytes | None = None
    critical: frozenset = frozenset()
    not_understood: tuple = ()

    def signed_by(self, issuer):
        """Whether the issuer's key made the signature."""
        return issuer.key_kind == P256 and verify_der(issuer.key, self.signed, self.signature)

    @property
    def name(self):
        """The subject's first common name, for people; the whole subject in hexadecimal where there is none."""
        for oid, value in _attributes(self.subject):
            if oid == COMMON_NAME:
                return value.decode("utf-8", "replace")
        return self.subject.hex()


@dataclass(frozen=True)
class Revocation:
    """An entry of a list: the earlier of its dates, in milliseconds, and its reason's name."""
    since: int
    reason: str


@dataclass(frozen=True)
class RevocationList:
    """One complete, direct list."""
    signed: bytes
    signature: bytes
    unsupported: bool
    issuer: bytes
    made: int
    next_update: int
    key_id: bytes | None
    entries: dict = field(hash=False)

    def belongs_to(self, authority):
        """Whether the list bears the authority's name and, where both have one, its key identifier."""
        same_key = None in (self.key_id, authority.key_id) or self.key_id == authority.key_id
        return self.issuer == authority.subject and same_key

    def signed_by(self, authority):
        """Whether the authority, allowed to sign lists, signed this one."""
        allowed = authority.usage is None or 6 in authority.usage
        supported = not self.unsupported and authority.key_kind == P256
        return allowed and supported and verify_der(authority.key, self.signed, self.signature)


@lru_cache(maxsize=1024)
def read_certificate(data):
    """Reads one certificate that fills `data`. Raises `DerError`."""
    if len(data) > CERTIFICATE_BYTES_MAX:
        raise DerError("too long")
    der.check_canonical(data)
    tbs, signed, signature, algorithm = _signed_object(data)
    if tbs.into(der.context(0)).integer() != 2:
        raise DerError("not version 3")
    serial = tbs.integer()
    if not 0 < serial < 1 << 160:
        raise DerError("serial number")
    if tbs.whole(der.SEQUENCE) != algorithm:
        raise DerError("algorithms differ")
    issuer = tbs.whole(der.SEQUENCE)
    validity = tbs.into(der.SEQUENCE)
    not_before, not_after = _time(validity), _time(validity)
    validity.end()
    subject = tbs.whole(der.SEQUENCE)
    _attributes(issuer), _attributes(subject)
    key_kind, key = _public_key(tbs.into(der.SEQUENCE))
    extensions = {}
    if (content := tbs.optional(der.context(3))) is not None:
        extensions = _extensions(der.only(content, der.SEQUENCE))
    tbs.end()
    return X509Certificate(data, signed, signature, _unsupported(algorithm), serial, issuer, subject, not_before, not_after, key_kind, key,
                           **_understand(extensions))


@lru_cache(maxsize=256)
def read_list(data):
    """Reads one revocation list that fills `data`. Raises `DerError`."""
    der.check_canonical(data)
    tbs, signed, signature, algorithm = _signed_object(data)
    if tbs.integer() != 1 or tbs.whole(der.SEQUENCE) != algorithm:
        raise DerError("not version 2, or algorithms differ")
    issuer = tbs.whole(der.SEQUENCE)
    _attributes(issuer)
    made, next_update = _time(tbs), _time(tbs)
    if next_update < made:
        raise DerError("the list ends before it begins")
    entries = {}
    if (content := tbs.optional(der.SEQUENCE)) is not None:
        for entry in Reader(content).each():
            serial, revocation = _entry(Reader(der.only(entry, der.SEQUENCE)))
            if serial in entries:
                raise DerError("a serial number twice")
            entries[serial] = revocation
    extensions = {}
    if (content := tbs.optional(der.context(0))) is not None:
        extensions = _extensions(der.only(content, der.SEQUENCE))
    tbs.end()
    if _critical(extensions) or {DELTA_LIST, DISTRIBUTION_POINT} & set(extensions):
        raise DerError("not a complete and direct list")
    key_id = None
    if AUTHORITY_KEY in extensions:
        der.check_canonical(extensions[AUTHORITY_KEY][1])
        key_id = _authority_key(extensions[AUTHORITY_KEY][1])
    if LIST_NUMBER in extensions and der.integer(der.only(extensions[LIST_NUMBER][1], der.INTEGER)) < 0:
        raise DerError("number of the list")
    return RevocationList(signed, signature, _unsupported(algorithm), issuer, made, next_update, key_id, entries)


def ecdsa_numbers(data):
    """r and s of a DER signature."""
    pair = Reader(der.only(data, der.SEQUENCE))
    r, s = pair.integer(), pair.integer()
    pair.end()
    if r <= 0 or s <= 0:
        raise DerError("signature out of range")
    return r, s


def verify_der(point, message, signature):
    """Whether the DER signature over `message` is by the key of P-256; not when it is no DER."""
    try:
        return verify_p256(point, message, *ecdsa_numbers(signature))
    except DerError:
        return False


def check_ecdsa_algorithm(element):
    """Checks that the AlgorithmIdentifier is ECDSA with SHA-256, without parameters."""
    if _unsupported(element):
        raise Unsupported("signature algorithm")


def _unsupported(element):
    algorithm = Reader(der.only(element, der.SEQUENCE))
    return algorithm.oid() != ECDSA_SHA256 or not algorithm.done()


def _signed_object(data):
    outer = Reader(der.only(data, der.SEQUENCE))
    signed = outer.whole(der.SEQUENCE)
    algorithm = outer.whole(der.SEQUENCE)
    signature = der.whole_octets(outer.content(der.BIT_STRING))
    outer.end()
    return Reader(der.only(signed, der.SEQUENCE)), signed, signature, algorithm


def _time(reader):
    """A time as RFC 5280 writes it: UTCTime before 2050, GeneralizedTime from then on, whole seconds."""
    tag, content, _ = reader.element()
    if tag not in (der.UTC_TIME, der.GENERALIZED_TIME) or b"." in content:
        raise DerError("time")
    if tag == der.GENERALIZED_TIME and content[:4] < b"2050":
        raise DerError("time should be UTCTime")
    return der.milliseconds(tag, content)


def _attributes(name):
    """The attributes of a name as (oid, value)."""
    found = []
    for part in Reader(der.only(name, der.SEQUENCE)).each():
        for attribute in _some(der.only(part, der.SET)):
            reader = Reader(der.only(attribute, der.SEQUENCE))
            oid, (tag, value, _) = reader.oid(), reader.element()
            if tag not in TEXTS:
                raise DerError("a name that is no text")
            found.append((oid, value))
            reader.end()
    return found


def _public_key(reader):
    algorithm = reader.into(der.SEQUENCE)
    kind = algorithm.oid()
    if kind == EC_KEY:
        kind = algorithm.oid()
    if kind in (P256, ED25519):
        algorithm.end()
    key = der.whole_octets(reader.content(der.BIT_STRING))
    reader.end()
    if kind == P256:
        key = p256_point(key)
    if key is None or kind == ED25519 and len(key) != 32:
        raise DerError("public key")
    return kind, key


def _some(content):
    """The elements of a sequence that may not be empty."""
    items = list(Reader(content).each())
    if not items:
        raise DerError("empty sequence")
    return items


def _extensions(content):
    """The extensions as {oid: (critical, value)}."""
    found = {}
    for item in Reader(content).each():
        reader = Reader(der.only(item, der.SEQUENCE))
        oid, critical = reader.oid(), reader.optional(der.BOOLEAN)
        value = reader.content(der.OCTET_STRING)
        reader.end()
        if oid in found or critical == b"\x00":
            raise DerError("extension twice, or default written")
        found[oid] = (critical is not None, value)
    return found


def _critical(extensions):
    return frozenset(oid for oid, (critical, _) in extensions.items() if critical)


def _understand(extensions):
    critical = _critical(extensions)
    found = {
        "critical": critical,
        "not_understood": tuple(sorted(critical - UNDERSTOOD | NEVER_UNDERSTOOD & set(extensions))),
    }
    for oid, (_, value) in extensions.items():
        if oid in UNDERSTOOD | {SUBJECT_KEY, AUTHORITY_KEY}:
            der.check_canonical(value)
        if oid == BASIC_CONSTRAINTS:
            found["authority"], found["path_length"] = _basic_constraints(value)
        elif oid == KEY_USAGE:
            found["usage"] = frozenset(der.named_bits(der.only(value, der.BIT_STRING)))
        elif oid == EXTENDED_KEY_USAGE:
            found["purposes"] = tuple(der.oid(der.only(item, der.OID)) for item in _some(der.only(value, der.SEQUENCE)))
        elif oid == ALTERNATIVE_NAME:
            found["alternative_names"] = general_names(der.only(value, der.SEQUENCE))
        elif oid == SUBJECT_KEY:
            found["key_id"] = der.only(value, der.OCTET_STRING)
        elif oid == AUTHORITY_KEY:
            _authority_key(value)
    return found


def general_names(content):
    """The encodings of some GeneralName; texts in them are ASCII, and there is no X.400 address."""
    names = tuple(_some(content))
    for item in names:
        tag, value, _ = Reader(item).element()
        if tag not in GENERAL_NAMES or tag in ASCII_NAMES and not value.isascii():
            raise DerError("general name")
        if tag == der.context(4):
            _attributes(value)
    return names


def _basic_constraints(value):
    reader = Reader(der.only(value, der.SEQUENCE))
    authority = reader.optional(der.BOOLEAN)
    length = reader.integer() if reader.peek() == der.INTEGER else None
    reader.end()
    if authority == b"\x00" or length is not None and (length < 0 or authority is None):
        raise DerError("basic constraints")
    return authority is not None, length


def _authority_key(value):
    reader = Reader(der.only(value, der.SEQUENCE))
    key_id = reader.optional(der.context(0, constructed=False))
    reader.optional(der.context(1))
    reader.optional(der.context(2, constructed=False))
    reader.end()
    return key_id


def _entry(reader):
    serial, since, reason = reader.integer(), _time(reader), "unspecified"
    if not 0 <= serial < 1 << 167:
        raise DerError("serial number")
    if (content := reader.optional(der.SEQUENCE)) is not None:
        extensions = _extensions(content)
        if _critical(extensions) or ENTRY_ISSUER in extensions:
            raise DerError("critical extension of an entry, or an indirect list")
        if REASON in extensions:
            number = der.integer(der.only(extensions[REASON][1], der.ENUMERATED))
            if not 0 <= number < len(REASONS) or REASONS[number] is None:
                raise DerError("reason")
            reason = REASONS[number]
        if INVALIDITY_DATE in extensions:
            date = der.only(extensions[INVALIDITY_DATE][1], der.GENERALIZED_TIME)
            if b"." in date:
                raise DerError("fraction of a second")
            since = min(since, der.milliseconds(der.GENERALIZED_TIME, date))
    reader.end()
    return serial, Revocation(since, reason)
