"""What institutions say about membership: governance.md. Only its shape; what it does is the ledger's."""
import re
import unicodedata

from .cbor import Opaque, decode_deterministic, encode
from .genesis import ROLES, policy_shape
from .keys import EDDSA, public_key, suite
from .shapes import array, expect, fields, institution_id, local_name, octets, text, tuple_of, uint

PROPOSE, VOTE, WITHDRAW, CONFIRM, LEAVE, ROTATE = range(6)
INVITE, SUSPEND, READMIT, REMOVE, POLICY, SUITES = range(6)
BOOLEANS = (Opaque(b"\xf4"), Opaque(b"\xf5"))
POLICY_BYTES_MAX = 4_096
NAME_BYTES_MAX = 256
ADDRESS_BYTES_MAX = 255
ADDRESS = re.compile(r"[A-Za-z0-9.\-\[\]:]+:([1-9][0-9]{0,4})")


def check_governance(data):
    """Checks the payload of a governance statement. Raises `Malformed`."""
    what, said = tuple_of(decode_deterministic(data), 2)
    expect(uint(what) <= ROTATE, "unknown kind of governance statement")
    if what == LEAVE:
        tuple_of(said, 0)
        return
    (said,) = tuple_of(said, 1)
    if what == PROPOSE:
        _check_change(said)
    elif what == VOTE:
        fields(said, (1, 2))
        uint(said[1])
        expect(said[2] in BOOLEANS, "a vote is for or against")
    elif what == WITHDRAW:
        uint(said)
    else:
        _check_keys(said)


def change_shape(change):
    """Checks the shape of a change, not its bounds."""
    fields(change, (1,), (2,))
    kind, named = tuple_of(change[1], 2)
    expect(uint(kind) <= SUITES, "unknown step")
    if kind == POLICY:
        tuple_of(named, 0)
    elif kind == SUITES:
        suite_numbers(tuple_of(named, 1)[0])
    else:
        (named,) = tuple_of(named, 1)
        if kind == INVITE:
            invited_shape(fields(named, (1, 2, 3, 4)))
        else:
            institution_id(named)
    if 2 in change:
        policy_shape(change[2])
    return change


def suite_numbers(value):
    """A list of numbers of suites, known or not."""
    for number in array(value, 0):
        expect(isinstance(number, int) and -1 << 63 <= number < 1 << 63, "not a suite's number")
    return value


def falling(numbers):
    """Whether the numbers fall: the order of their encodings."""
    return all(a > b for a, b in zip(numbers, numbers[1:]))


def invited_shape(value):
    """Checks what invitations of either kind say of the invited institution."""
    institution_id(value[1])
    expect(uint(value[2]) in ROLES, "role")
    local_name(value[3])
    octets(value[4], 32)


def _check_change(change):
    kind, named = change_shape(change)[1]
    expect(kind != POLICY or 2 in change, "no policy")
    if kind == SUITES:
        expect(named[0] and falling([suite(number) for number in named[0]]), "suites")
    expect(2 not in change or len(encode(change[2])) <= POLICY_BYTES_MAX, "policy too long")
    if kind == INVITE:
        for name in named[0][3].values():
            expect(1 <= len(name.encode()) <= NAME_BYTES_MAX, "length of a name")
            expect(all(unicodedata.category(character) != "Cc" for character in name), "control character in a name")
        public_key([EDDSA, named[0][4]])


def _check_keys(keys):
    fields(keys, (1, 2, 3, 4, 5))
    for label in (1, 2):
        public_key([EDDSA, octets(keys[label], 32)])
    _check_address(keys[3])
    for label in (4, 5):
        octets(keys[label], 64)


def _check_address(value):
    found = ADDRESS.fullmatch(text(value))
    expect(found and len(value) <= ADDRESS_BYTES_MAX and int(found[1]) <= 65_535, "not an address")
