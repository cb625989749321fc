"""Statements: statement.md (COSE_Sign1 of RFC 9052, countersignatures of RFC 9338)."""
import base64
import re
from dataclasses import dataclass, field

from .cbor import Tagged, decode, decode_deterministic, encode
from .account_change import DELEGATE, changed_keys, check_account_change, check_authority, check_delay
from .digests import sha256
from .governance import check_governance
from .keys import SIGNATURE_SIZES, public_key, suite
from .shapes import array, digests, expect, fields, octets, text, tuple_of, uint

COSE_SIGN1 = 18
BYTES_MAX = 65_535
SIGNERS_MAX = 16
ALGORITHM, CRITICAL, CONTENT_TYPE, KEY_ID, COUNTERSIGNATURES, CLAIMS = 1, 2, 3, 4, 11, 15
ISSUER, SUBJECT, AUDIENCE, ISSUED_AT, GRANTOR = 1, 2, 3, 6, -65_702
DEPOSIT, BATCH, ACCOUNT, CHANGE, GOVERNANCE = (
    f"application/vnd.xiezhi.{kind}+cbor" for kind in ("deposit", "batch", "account", "account-change", "governance"))
GENERAL = "general"
ACCOUNT_DOMAIN = b"xiezhi account v1\n"


@dataclass(frozen=True)
class Signer:
    """One signature, and what it is over."""
    suite: int
    key_id: bytes
    signed: bytes
    signature: bytes


@dataclass(frozen=True)
class Statement:
    """A well-formed statement. `kind` is one of the four content types or `GENERAL`."""
    kind: str
    content_type: str                   # empty where none is given
    id: bytes
    issuer: bytes
    subject: str
    audience: bytes | None              # the ledger's id
    issued_at: int | None
    grantor: bytes | None               # in whose name, where that is not the issuer
    signers: list
    digests: list
    manifest_root: bytes | None = None
    phase: int | None = None
    items_root: bytes | None = None
    items: int | None = None
    change: int | None = None           # which kind of change of an account
    new_keys: list = field(default_factory=list)   # that come and can act for an account

    @property
    def deposits(self):
        """How many deposits it makes, as delegations count them."""
        return self.items if self.kind == BATCH else 1


def xz_id(value):
    """The 32 bytes of an `xz:` text, or none. Exactly one text stands for an id."""
    if not isinstance(value, str) or not re.fullmatch(r"xz:[A-Za-z0-9_-]{43}", value):
        return None
    found = base64.urlsafe_b64decode(value[3:] + "=")
    return found if xz_uri(found) == value else None


def xz_uri(id):
    """The `xz:` text of an id."""
    return "xz:" + base64.urlsafe_b64encode(id).decode().rstrip("=")


def read_statement(data):
    """Reads a statement of any content type. Raises `Malformed`."""
    expect(len(data) <= BYTES_MAX, "too long")
    value = decode(data)
    expect(isinstance(value, Tagged) and value.tag == COSE_SIGN1, "not a COSE_Sign1")
    protected, unprotected, payload, signature = tuple_of(value.value, 4)
    header = decode(octets(protected))
    expect(isinstance(header, dict), "protected header")
    octets(payload)
    own = header.get(CONTENT_TYPE) in (DEPOSIT, BATCH, ACCOUNT, CHANGE, GOVERNANCE)
    read = _read_own if own else _read_general
    if own:
        expect(encode(value) == data and encode(header) == protected, "not deterministic")
    claims, kind, content = read(header, payload)
    expect(None not in (xz_id(claims[ISSUER]), xz_id(claims.get(AUDIENCE, claims[ISSUER]))), "issuer or audience")
    grantor = _grantor(claims, kind)
    fields(unprotected, (), (COUNTERSIGNATURES,))
    signed = encode(["Signature1", protected, b"", payload])
    signers = [_signer(header, signed, signature)]
    if COUNTERSIGNATURES in unprotected:
        for item in array(unprotected[COUNTERSIGNATURES], 1, SIGNERS_MAX - 1):
            signers.append(_countersigner(item, protected, payload, signature))
    return Statement(
        kind, str(header.get(CONTENT_TYPE, "")), sha256(signed), xz_id(claims[ISSUER]), claims[SUBJECT], xz_id(claims.get(AUDIENCE)),
        claims.get(ISSUED_AT), grantor, signers, **content)


def _grantor(claims, kind):
    if GRANTOR not in claims:
        return None
    grantor = xz_id(claims[GRANTOR])
    expect(grantor is not None and grantor != xz_id(claims[ISSUER]), "grantor")
    expect(kind in (DEPOSIT, BATCH, GENERAL), "nothing but deposits in another's name")
    return grantor


def _signer(header, signed, signature):
    which = suite(header[ALGORITHM])
    return Signer(which, octets(header[KEY_ID], 8), signed, octets(signature, SIGNATURE_SIZES[which]))


def _countersigner(item, protected, payload, signature):
    own, unprotected, countersignature = tuple_of(item, 3)
    signer = fields(decode_deterministic(octets(own)), (ALGORITHM, KEY_ID))
    fields(unprotected, ())
    signed = encode(["CounterSignatureV2", protected, own, b"", payload, [signature]])
    return _signer(signer, signed, countersignature)


def _read_own(header, payload):
    fields(header, (ALGORITHM, CONTENT_TYPE, KEY_ID, CLAIMS))
    claims = fields(header[CLAIMS], (ISSUER, SUBJECT, AUDIENCE, ISSUED_AT), (GRANTOR,))
    uint(claims[ISSUED_AT])
    kind, subject, body = header[CONTENT_TYPE], text(claims[SUBJECT]), decode_deterministic(payload)
    if kind == ACCOUNT:
        expect(subject == "account", "subject")
        check_account_spec(body)
        expect(xz_id(claims[ISSUER]) == sha256(ACCOUNT_DOMAIN + payload), "issued by another account than it creates")
        keys = [key for key, _ in weighted_keys(body[2])] + ([public_key(body[5])] if 5 in body else [])
        return claims, kind, {"digests": [], "new_keys": keys}
    if kind == CHANGE:
        expect(subject == "account", "subject")
        change = check_account_change(payload)
        expect(change != DELEGATE or body[1][0][1] != xz_id(claims[ISSUER]), "delegated to itself")
        return claims, kind, {"digests": [], "change": change, "new_keys": changed_keys(payload)}
    if kind == GOVERNANCE:
        expect(subject == "alliance", "subject")
        check_governance(payload)
        return claims, kind, {"digests": []}
    expect(subject == "exhibit" or re.fullmatch(r"[0-9a-f]{32}", subject), "subject")
    if kind == BATCH:
        fields(body, (1, 2))
        expect(1 <= uint(body[2], 32) <= 65_536, "number of items")
        return claims, kind, {"digests": [], "items_root": octets(body[1], 32), "items": body[2]}
    fields(body, (1, 2), (3,))
    phase = uint(body[3], 32) if 3 in body else None
    return claims, kind, {"digests": digests(body[2]), "manifest_root": octets(body[1], 32), "phase": phase}


def _read_general(header, payload):
    expect({ALGORITHM, KEY_ID, CLAIMS} <= set(header) and CRITICAL not in header, "labels")
    claims = header[CLAIMS]
    expect(isinstance(claims, dict) and {ISSUER, SUBJECT} <= set(claims), "claims")
    expect(all(map(_is_label, [*header, *claims])), "a label that is neither a number nor a text")
    expect(1 <= len(text(claims[SUBJECT]).encode()) <= 256, "subject")
    if ISSUED_AT in claims:
        uint(claims[ISSUED_AT])
    if not isinstance(header.get(CONTENT_TYPE, ""), str):
        uint(header[CONTENT_TYPE], 16)
    return claims, GENERAL, {"digests": [("sha256", sha256(payload))]}


def _is_label(value):
    return isinstance(value, str) or isinstance(value, int) and -1 << 63 <= value < 1 << 63


def check_account_spec(value):
    """Checks the shape of an account's specification and the rules of account-and-state.md."""
    fields(value, (1, 2, 3, 4), (5, 6, 7))
    octets(value[1], 16)
    check_authority(value[2], value[3], value[4])
    if 7 in value:
        check_delay(value[7])
    for label in (5, 6):
        if label in value:
            public_key(value[label])


def weighted_keys(value):
    """Reads an account's keys, as (key, weight)."""
    return [(public_key(key), uint(weight, 32)) for key, weight in (tuple_of(item, 2) for item in array(value, 1, 16))]


def read_batch_item(data):
    """Reads an item of a batch, as (manifest root, digests). Raises `Malformed`."""
    value = fields(decode_deterministic(data), (1, 2))
    return octets(value[1], 32), digests(value[2])
