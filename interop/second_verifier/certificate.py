"""The certificate file: certificate.md."""
from dataclasses import dataclass

from .account import Account, StateProof, account, state_proof
from .cbor import Malformed, decode_first, encode, first_entry
from .checkpoint import Checkpoint, Seal, checkpoint, seal
from .manifest import Manifest, manifest
from .shapes import array, expect, fields, octets, path, uint

BEGINNING = b"\xd9\xd9\xf7"
BYTES_MAX = 4 << 20
HISTORY_MAX = 256


class CertificateError(ValueError):
    """A file that is no certificate; `reason` is the verdict's."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class BatchPlace:
    """Where an item lies in its batch. The item's encoding is not yet read."""
    index: int
    item: bytes
    path: list


@dataclass(frozen=True)
class CertifiedSeal:
    """A seal and its chain, leaf first, the root left out, not yet read."""
    seal: Seal
    chain: list


@dataclass(frozen=True)
class Certificate:
    """A certificate whose shape is right. Genesis, statement and DER are not yet read."""
    genesis: bytes
    history: list                       # links, not yet read
    index: int
    statement: bytes
    batch_place: BatchPlace | None
    manifest: Manifest | None
    account: Account
    state_proof: StateProof
    checkpoint: Checkpoint
    path_sha256: list
    path_sm3: list
    seals: list
    time_stamps: list
    lists: list
    grantor: Account | None             # in whose name the record was made
    grantor_proof: StateProof | None


def read_certificate(data):
    """Reads the file. Raises `CertificateError`."""
    if not data.startswith(BEGINNING):
        raise CertificateError("not-a-certificate")
    if len(data) > BYTES_MAX:
        raise CertificateError("too-long")
    body = data[len(BEGINNING):]
    key, version = first_entry(body) or (None, None)
    if key == 1 and version not in (1, 2, 3):
        raise CertificateError("version")
    try:
        value = decode_first(body)
        if encode(value) != body:
            raise CertificateError("not-canonical")
        return _certificate(value)
    except Malformed as error:
        raise CertificateError("malformed") from error


def _certificate(value):
    fields(value, (1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14), (6, 7, 15))
    expect(value[1] in (1, 2, 3) and (15 in value) == (value[1] == 3), "version")
    links = {1: (0, 0), 2: (1, HISTORY_MAX), 3: (0, HISTORY_MAX)}[value[1]]
    history = [octets(item) for item in array(value[3], *links)]
    fields(value[8], (1, 2))
    grantor = fields(value[15], (1, 2)) if 15 in value else None
    return Certificate(
        genesis=octets(value[2]),
        history=history,
        index=uint(value[4]),
        statement=octets(value[5]),
        batch_place=_batch_place(value[6]) if 6 in value else None,
        manifest=manifest(value[7]) if 7 in value else None,
        account=account(value[8][1]),
        state_proof=state_proof(value[8][2]),
        checkpoint=checkpoint(value[9]),
        path_sha256=path(value[10]),
        path_sm3=path(value[11]),
        seals=certified_seals(value[12]),
        time_stamps=time_stamps(value[13]),
        lists=revocation_lists(value[14]),
        grantor=grantor and account(grantor[1]),
        grantor_proof=grantor and state_proof(grantor[2]),
    )


def certified_seals(value):
    """Seals with their chains, sorted by institution."""
    seals = [_certified_seal(item) for item in array(value, 0, 64)]
    ids = [item.seal.institution for item in seals]
    expect(all(a < b for a, b in zip(ids, ids[1:])), "seals not sorted")
    return seals


def time_stamps(value):
    """Tokens, not yet read."""
    return [octets(fields(item, (1,))[1]) for item in array(value, 0, 16)]


def revocation_lists(value):
    """Lists, not yet read."""
    return [octets(item) for item in array(value, 0, 32)]


def _certified_seal(value):
    fields(value, (1, 2))
    return CertifiedSeal(seal(value[1]), [octets(item) for item in array(value[2], 0, 5)])


def _batch_place(value):
    fields(value, (1, 2, 3))
    return BatchPlace(uint(value[1], 32), octets(value[2]), path(value[3]))
