"""Accounts and their proof in the state: account-and-state.md."""
from dataclasses import dataclass, replace

from .cbor import encode
from .digests import sha256
from .keys import public_key
from .merkle import ProofError
from .account_change import authority_shape, freezing_shape
from .delegation import delegations
from .shapes import array, expect, fields, octets, uint, tuple_of
from .statement import weighted_keys

STATUSES = {0: "normal", 1: "frozen", 2: "recovering", 3: "transferred"}
ORDERS_MAX = 16


@dataclass(frozen=True)
class Account:
    """An account as the state holds it, or as its statements are judged by; `keys` are {key id: (key, weight)}."""
    id: bytes
    keys: dict
    deposit_threshold: int
    manage_threshold: int
    recovery: object
    status: str
    delegations: list
    created: int
    encoding: bytes
    before: dict | None


@dataclass(frozen=True)
class StateProof:
    """Hashes from the bottom to the top; `other` is the leaf that an absent key meets."""
    siblings: list
    other: list | None


def account(value):
    """Reads an account by its shape alone: whether it keeps the rules for accounts is the ledger's word, by the proof."""
    fields(value, (1, 2, 3, 4, 8, 9), (5, 6, 7, 10, 11, 12, 13, 14, 15, 16))
    if 7 in value:
        public_key(value[7])
    for label, bits in ((6, 64), (10, 32), (14, 64)):
        if label in value:
            uint(value[label], bits)
    if 11 in value:
        reset = fields(value[11], (1, 2, 3))
        authority_shape(reset[1])
        uint(reset[2]), uint(reset[3])
    if 12 in value:
        for freezing in array(value[12], 1, 1 << 32):
            freezing_shape(freezing)
    if 13 in value:
        octets(value[13], 32)
    before = None
    if 15 in value:
        block = fields(value[15], (1, 2, 4), (3, 5))
        authority = authority_shape(block[2])
        judged = _judged(authority[1], authority[2], authority[3], block.get(3), block[4], block.get(5))
        before = {"height": uint(block[1]), **judged}
    now = _judged(value[2], value[3], value[4], value.get(5), value[8], value.get(16))
    return Account(octets(value[1], 32), created=uint(value[9]), encoding=encode(value), before=before, **now)


def _judged(keys, deposit_threshold, manage_threshold, recovery, status, granted):
    expect(uint(status) in STATUSES, "status")
    return {
        "keys": {key.key_id: (key, weight) for key, weight in weighted_keys(keys)},
        "deposit_threshold": uint(deposit_threshold, 32),
        "manage_threshold": uint(manage_threshold, 32),
        "recovery": None if recovery is None else public_key(recovery),
        "status": STATUSES[status],
        "delegations": [] if granted is None else delegations(granted),
    }


def as_of(account, height):
    """The account by which its statements in the block at `height` are judged: as it stood at that block's beginning."""
    if account.before is None or account.before["height"] != height:
        return account
    return replace(account, **{name: value for name, value in account.before.items() if name != "height"})


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
    return proof.other is None and _climb(proof, key_hash, _leaf(key_hash, sha256(value))) == root


def is_absent(proof, key, root):
    """Whether the state of `root` holds nothing under `key`: its place is empty, or another leaf's."""
    key_hash, start = sha256(key), b"SPARSE_MERKLE_PLACEHOLDER_HASH__"
    if proof.other is not None:
        other, depth = proof.other[0], len(proof.siblings)
        if other == key_hash or (_bits(other) ^ _bits(key_hash)) >> 256 - depth:
            return False
        start = _leaf(*proof.other)
    return _climb(proof, key_hash, start) == root


def _bits(hash):
    return int.from_bytes(hash, "big")


def _leaf(key_hash, value_hash):
    return sha256(b"JMT::LeafNode" + key_hash + value_hash)


def _climb(proof, key_hash, node):
    bits = _bits(key_hash)
    for depth, sibling in zip(range(len(proof.siblings) - 1, -1, -1), proof.siblings):
        pair = sibling + node if bits >> 255 - depth & 1 else node + sibling
        node = sha256(b"JMT::IntrnalNode" + pair)
    return node
