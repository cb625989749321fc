"""Accounts and their proof in the state: account-and-state.md."""
from dataclasses import dataclass

from .cbor import encode
from .digests import sha256
from .keys import public_key
from .merkle import ProofError
from .shapes import array, expect, fields, octets, tuple_of, uint
from .statement import weighted_keys

STATUSES = {0: "normal", 1: "frozen", 2: "recovering"}


@dataclass(frozen=True)
class Account:
    """An account as the state holds it; `keys` are {key id: (key, weight)}."""
    id: bytes
    keys: dict
    deposit_threshold: int
    manage_threshold: int
    status: str
    created: int
    encoding: bytes


@dataclass(frozen=True)
class StateProof:
    """Hashes from the bottom to the top; `other` is the leaf that an absent key meets."""
    siblings: list
    other: list | None


def account(value):
    """Reads an account by its shape alone: whether it keeps the rules for accounts is the ledger's word, by the proof."""
    fields(value, (1, 2, 3, 4, 8, 9), (5, 6, 7))
    for label in (5, 7):
        if label in value:
            public_key(value[label])
    if 6 in value:
        uint(value[6])
    expect(uint(value[8]) in STATUSES, "status")
    keys = {key.key_id: (key, weight) for key, weight in weighted_keys(value[2])}
    thresholds = (uint(value[label], 32) for label in (3, 4))
    return Account(octets(value[1], 32), keys, *thresholds, STATUSES[value[8]], uint(value[9]), encode(value))


def state_proof(value):
    """Reads a proof."""
    fields(value, (1,), (2,))
    for node in array(value[1], 0, 256):
        octets(node, 32)
    if 2 in value:
        for node in tuple_of(value[2], 2):
            octets(node, 32)
    return StateProof(value[1], value.get(2))


def check_present(proof, account, root):
    """Checks that the state of `root` holds the account. Raises `ProofError`."""
    if not is_present(proof, b"account/" + account.id, account.encoding, root):
        raise ProofError("account-proof")


def is_present(proof, key, value, root):
    """Whether the state of `root` holds `value` under `key`. O(256) hashes at most."""
    key_hash = sha256(key)
    node = sha256(b"JMT::LeafNode" + key_hash + sha256(value))
    bits = int.from_bytes(key_hash, "big")
    for depth, sibling in zip(range(len(proof.siblings) - 1, -1, -1), proof.siblings):
        pair = sibling + node if bits >> 255 - depth & 1 else node + sibling
        node = sha256(b"JMT::IntrnalNode" + pair)
    return proof.other is None and node == root
