"""The genesis and the sealing policy: policy.md."""
import re
from dataclasses import dataclass

from .cbor import decode_deterministic
from .digests import sha256
from .keys import suite
from .shapes import array, expect, fields, institution_id, local_name, octets, tuple_of, uint

ROLES = {1: "court", 2: "notary", 3: "forensic", 4: "ca", 5: "technology"}
INSTITUTION, ROLE, GROUP = 0, 1, 2
GROUP_DEPTH_MAX = 8
LIMITS = {1: (1 << 20, 64 << 20), 2: (512, 65_535), 3: (1, 65_536), 4: (0, (1 << 32) - 1), 5: (0, (1 << 32) - 1)}


@dataclass(frozen=True)
class Institution:
    """A member of the alliance."""
    id: str
    role: int
    name: dict
    seal_key: bytes
    raw: dict                           # as it stands in the genesis


@dataclass(frozen=True)
class Genesis:
    """The alliance as it begins."""
    ledger: bytes
    created: int
    name: dict
    domain: str
    institutions: dict                  # by id
    roots: list
    time_stamp_roots: list
    policy: dict                        # as it stands in the genesis
    seal_group: list
    time_stamps_needed: int
    clock_skew: int
    statement_window: int
    suites: set
    retired: frozenset = frozenset()    # suites that a later term no longer allows

    @property
    def skew(self):
        """What seals and tokens may be early by, in milliseconds: they may state whole seconds."""
        return self.clock_skew + 1_000

    @property
    def origin(self):
        """The log's origin."""
        return f"{self.domain}/{self.ledger.hex()}"

    def met_by(self, sealed):
        """Whether seals of the institutions `sealed` meet the policy."""
        return self._met(self.seal_group, sealed)

    def _met(self, group, sealed):
        threshold, members = group
        return sum(self.member_met(member, sealed) for member in members) >= threshold

    def member_met(self, member, sealed):
        kind, (named,) = member
        if kind == INSTITUTION:
            return named in sealed
        if kind == ROLE:
            return any(self.institutions[id].role == named for id in sealed)
        return self._met(named, sealed)


def read_genesis(data):
    """Reads the genesis and checks the rules of policy.md. Raises `Malformed`."""
    value = fields(decode_deterministic(data), range(1, 12))
    expect(value[1] == 1, "version")
    octets(value[2], 32)
    expect(isinstance(value[5], str) and re.fullmatch(r"[A-Za-z0-9.-]{1,100}", value[5]), "domain")
    institutions = _institutions(value[6])
    policy = fields(value[9], (1, 2))
    _check_group(policy[1], institutions, 1)
    needed = uint(policy[2], 32)
    roots, time_stamp_roots = array(value[7], 1, 16), array(value[8], 1 if needed else 0, 16)
    for root in roots + time_stamp_roots:
        octets(root)
    limits = fields(value[10], LIMITS)
    for key, (least, most) in LIMITS.items():
        expect(least <= uint(limits[key], 32) <= most, "limit out of range")
    return Genesis(
        sha256(data), uint(value[3]), local_name(value[4]), value[5], institutions, roots, time_stamp_roots, policy, policy[1], needed,
        limits[4], limits[5], {suite(item) for item in array(value[11], 1)})


def _institutions(value):
    found = [read_institution(item) for item in array(value, 4, 64)]
    check_distinct(found)
    return {item.id: item for item in found}


def read_institution(value):
    """Reads an institution by its shape alone."""
    fields(value, (1, 2, 3, 4, 5))
    octets(value[4], 32)
    expect(uint(value[2]) in ROLES, "role")
    return Institution(institution_id(value[1]), value[2], local_name(value[3]), octets(value[5], 32), value)


def check_distinct(institutions):
    """Checks that they are sorted and share no key."""
    expect(all(a.id < b.id for a, b in zip(institutions, institutions[1:])), "institutions not sorted")
    for label in (4, 5):
        expect(len({item.raw[label] for item in institutions}) == len(institutions), "key shared")


def check_policy(policy, institutions):
    """Checks that a policy holds against the institutions, by id."""
    _check_group(policy[1], institutions, 1)


def policy_shape(value):
    """The shape of a policy, without the alliance that it is for."""
    fields(value, (1, 2))
    _group_shape(value[1], 1)
    uint(value[2], 32)
    return value


def _group_shape(group, depth):
    expect(depth <= GROUP_DEPTH_MAX, "groups nested too deep")
    threshold, members = tuple_of(group, 2)
    uint(threshold, 32)
    for member in array(members, 0):
        kind, named = tuple_of(member, 2)
        (named,) = tuple_of(named, 1)
        expect(uint(kind) in (INSTITUTION, ROLE, GROUP), "kind of member")
        if kind == INSTITUTION:
            institution_id(named)
        elif kind == ROLE:
            expect(uint(named) in ROLES, "role")
        else:
            _group_shape(named, depth + 1)


def _check_group(group, institutions, depth):
    expect(depth <= GROUP_DEPTH_MAX, "groups nested too deep")
    threshold, members = tuple_of(group, 2)
    array(members, 1)
    expect(1 <= uint(threshold, 32) <= len(members), "threshold")
    expect(all(member not in members[:at] for at, member in enumerate(members)), "member twice")
    for member in members:
        kind, named = tuple_of(member, 2)
        (named,) = tuple_of(named, 1)
        expect(uint(kind) in (INSTITUTION, ROLE, GROUP), "kind of member")
        if kind == INSTITUTION:
            expect(isinstance(named, str) and named in institutions, "unknown institution")
        elif kind == ROLE:
            expect(any(item.role == uint(named) for item in institutions.values()), "role without an institution")
        else:
            _check_group(named, institutions, depth + 1)
