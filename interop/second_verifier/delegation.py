"""Delegations: account-and-state.md, Delegation."""
from dataclasses import dataclass

from .shapes import array, expect, fields, octets, uint

DEPOSIT = 0
DAY_MS = 24 * 3_600 * 1_000


@dataclass(frozen=True)
class Delegation:
    """What an account lets another do, and how much of it is used; `day` is (day's number, used on it) or none."""
    delegate: bytes
    permissions: list
    quota: int
    daily: int | None
    not_before: int | None
    until: int
    used: int
    day: tuple | None

    def used_on(self, time):
        """What is used of the day of `time`, in milliseconds."""
        return self.day[1] if self.day and self.day[0] == time // DAY_MS else 0


def grant_shape(value):
    """Checks the shape of a grant, not the rules for it."""
    fields(value, (1, 2, 3, 6), (4, 5))
    octets(value[1], 32), uint(value[3]), uint(value[6])
    for permission in array(value[2], 0, 1 << 32):
        expect(uint(permission) == DEPOSIT, "unknown permission")
    for label in (4, 5):
        if label in value:
            uint(value[label])
    return value


def check_grant(value):
    """Checks the rules for a grant."""
    grant_shape(value)
    expect(value[2] == [DEPOSIT], "permissions")
    expect(value[3] >= 1 and value.get(4, 1) >= 1, "quota")
    expect(value.get(5, -1) < value[6], "until")


def delegations(value):
    """Reads the delegations of an account in the state, by their shape alone."""
    return [_delegation(item) for item in array(value, 1, 1 << 32)]


def _delegation(value):
    fields(value, (1, 2, 3), (4,))
    grant, day = grant_shape(value[1]), None
    uint(value[2])
    if 4 in value:
        fields(value[4], (1, 2))
        day = uint(value[4][1]), uint(value[4][2])
    return Delegation(grant[1], grant[2], grant[3], grant.get(4), grant.get(5), grant[6], uint(value[3]), day)
