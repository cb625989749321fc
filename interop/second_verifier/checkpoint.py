"""Checkpoints and seals: checkpoint-and-seal.md."""
import base64
from dataclasses import dataclass

from .cbor import encode
from .digests import sha256
from .keys import EDDSA, PublicKey, verify
from .shapes import fields, institution_id, octets, uint
from .statement import xz_uri

TIME_MAX = 2**63 - 1


@dataclass(frozen=True)
class Checkpoint:
    """The ledger after a block; time in milliseconds."""
    ledger: bytes
    height: int
    time: int
    size: int
    root_sha256: bytes
    root_sm3: bytes
    state_root: bytes
    digest: bytes


@dataclass(frozen=True)
class Seal:
    """One institution's three signatures; time in seconds."""
    institution: str
    time: int
    receipt: bytes
    log: bytes
    cosignature: bytes


class SealError(ValueError):
    """A seal whose signatures do not hold; `form` is the first that does not."""

    def __init__(self, reason, form=None):
        super().__init__(reason)
        self.reason = reason
        self.form = form


def checkpoint(value):
    """Reads a checkpoint."""
    fields(value, range(1, 8))
    hashes = [octets(value[key], 32) for key in (1, 5, 6, 7)]
    height, time, size = (uint(value[key]) for key in (2, 3, 4))
    return Checkpoint(hashes[0], height, time, size, *hashes[1:], sha256(encode(value)))


def seal(value):
    """Reads a seal."""
    fields(value, range(1, 6))
    return Seal(institution_id(value[1]), uint(value[2]), *(octets(value[key], 64) for key in (3, 4, 5)))


def note_body(origin, checkpoint):
    """The checkpoint as a C2SP note."""
    root = base64.b64encode(checkpoint.root_sha256).decode()
    return f"{origin}\n{checkpoint.size}\n{root}\n".encode()


def check_signatures(seal, checkpoint, origin, seal_key):
    """Checks all three signatures under the pinned key. Raises `SealError`."""
    if seal.time > TIME_MAX:
        raise SealError("impossible-time")
    key = PublicKey(EDDSA, seal_key)
    claims = {1: f"urn:xiezhi:institution:{seal.institution}", 2: xz_uri(checkpoint.ledger), 6: seal.time}
    protected = encode({1: EDDSA, 4: key.key_id, 15: claims, 395: 1, -65701: checkpoint.digest})
    body = note_body(origin, checkpoint)
    forms = (
        ("receipt", encode(["Signature1", protected, b"", checkpoint.root_sha256]), seal.receipt),
        ("log signature", body, seal.log),
        ("cosignature", f"cosignature/v1\ntime {seal.time}\n".encode() + body, seal.cosignature),
    )
    for form, signed, signature in forms:
        if not verify(key, signed, signature):
            raise SealError("bad-signature", form)
