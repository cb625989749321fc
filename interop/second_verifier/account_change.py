"""Changes of accounts: account-and-state.md. Only their shape and bounds; what they do is the ledger's."""
import unicodedata

from .cbor import decode_deterministic
from .delegation import check_grant
from .keys import public_key
from .shapes import array, expect, fields, institution_id, octets, text, tuple_of, uint

AUTHORITY, RECOVERY, ENCRYPTION, BEGIN_RESET, CANCEL_RESET, FINISH_RESET, TRANSFER, ACCEPT, FREEZE, UNFREEZE, DELEGATE, REVOKE = range(12)
REPLACING = (AUTHORITY, RECOVERY, BEGIN_RESET, CANCEL_RESET, FINISH_RESET)
DELAY_S = (3_600, 90 * 24 * 3_600)
REFERENCE_BYTES_MAX = 128


def check_account_change(data):
    """Checks the payload of a statement that changes an account, and gives which kind it is. Raises `Malformed`."""
    what, said = tuple_of(decode_deterministic(data), 2)
    expect(uint(what) <= REVOKE, "unknown kind of change")
    if what in (CANCEL_RESET, FINISH_RESET):
        tuple_of(said, 0)
        return what
    (said,) = tuple_of(said, 1)
    if what in (AUTHORITY, BEGIN_RESET):
        check_authority(*(authority_shape(said)[label] for label in (1, 2, 3)))
    elif what == RECOVERY:
        fields(said, (), (1, 2))
        if 1 in said:
            public_key(said[1])
        if 2 in said:
            check_delay(said[2])
    elif what == ENCRYPTION:
        if 1 in fields(said, (), (1,)):
            public_key(said[1])
    elif what == TRANSFER:
        if 1 in fields(said, (), (1,)):
            octets(said[1], 32)
    elif what == DELEGATE:
        check_grant(said)
    elif what in (ACCEPT, REVOKE):
        octets(said, 32)
    elif what == FREEZE:
        _check_order(said)
    else:
        fields(said, (1, 2, 3))
        _check_order(said[1])
        institution_id(said[2])
        text(said[3])
    return what


def changed_keys(data):
    """The keys that a well-formed change brings and that can act for the account."""
    what, said = decode_deterministic(data)
    if what in (AUTHORITY, BEGIN_RESET):
        return [public_key(key) for key, _ in said[0][1]]
    return [public_key(said[0][1])] if what == RECOVERY and 1 in said[0] else []


def authority_shape(value):
    """Checks the shape of keys and thresholds, not the rules for them."""
    fields(value, (1, 2, 3))
    for item in array(value[1], 0, 1 << 32):
        key, weight = tuple_of(item, 2)
        public_key(key), uint(weight, 32)
    uint(value[2], 32), uint(value[3], 32)
    return value


def freezing_shape(value):
    """Checks the shape of a freezing in force."""
    fields(value, (1, 2, 3, 4))
    institution_id(value[1]), text(value[2]), octets(value[3], 32), uint(value[4])


def check_authority(keys, *thresholds):
    """Checks the rules for keys and thresholds."""
    pairs = [(public_key(key), uint(weight, 32)) for key, weight in (tuple_of(item, 2) for item in array(keys, 1, 16))]
    ids, weights = [key.key_id for key, _ in pairs], [weight for _, weight in pairs]
    expect(all(a < b for a, b in zip(ids, ids[1:])), "keys not sorted")
    expect(min(weights) >= 1 and sum(weights) <= 1_000_000, "weights")
    expect(all(1 <= uint(threshold, 32) <= sum(weights) for threshold in thresholds), "threshold")


def check_delay(value):
    """Checks the delay of a reset."""
    expect(DELAY_S[0] <= uint(value, 32) <= DELAY_S[1], "delay of a reset")


def _check_order(value):
    fields(value, (1, 2, 3))
    octets(value[1], 32), octets(value[3], 32)
    reference = text(value[2])
    expect(1 <= len(reference.encode()) <= REFERENCE_BYTES_MAX, "reference")
    expect(not any(unicodedata.category(char) == "Cc" for char in reference), "reference")
