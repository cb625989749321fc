"""The history of a certificate: terms, and the links between them, by certificate.md and governance.md."""
from dataclasses import dataclass, replace

from .account import StateProof, is_present, state_proof
from .cbor import Malformed, decode_deterministic, encode
from .certificate import certified_seals, revocation_lists, time_stamps
from .checkpoint import Checkpoint, checkpoint
from .checks import failed, not_evaluated, passed, unknown
from .genesis import check_distinct, check_policy, policy_shape, read_institution
from .governance import change_shape, falling, invited_shape, suite_numbers
from .keys import EDDSA
from .shapes import array, expect, fields, institution_id, text, uint

ACTIVE, SUSPENDED = 0, 1
MEMBERS_MAX, ACTIVE_MIN = 64, 4


@dataclass(frozen=True)
class Link:
    """A change of the alliance whose shape is right. `term` and `next` are decoded, not yet checked."""
    checkpoint: Checkpoint
    seals: list
    time_stamps: list
    lists: list
    version: int
    term: dict
    next: dict | None
    value: bytes
    proof: StateProof


def walk(certificate, genesis, ledger, witnessed):
    """The checks, and the genesis with members, policy and suites of the last term reached.

    `witnessed(link, genesis)` gives the checks of the link's seals, time stamps and times.
    """
    checks, term = [], {1: 0, 2: 0, 3: [{1: item.raw, 2: ACTIVE} for item in genesis.institutions.values()], 4: genesis.policy}
    for number, data in enumerate(certificate.history):
        if checks and checks[-1].status == "fail":
            checks.append(not_evaluated("history", "history", link=str(number)))
            continue
        params = {"link": str(number)}
        try:
            link = _read_link(data)
            reason = _refusal(link, term, ledger, certificate.checkpoint.height)
        except Malformed:
            reason = "link-malformed"
        if reason is None:
            found = witnessed(link, genesis)
            if any(check.status == "fail" for check in found):
                reason = "not-sealed"
        if reason is not None:
            checks.append(failed("history", reason, params))
            continue
        if any(check.status == "unknown" for check in found):
            checks.append(unknown("history", "undecided", params))
        else:
            checks.append(passed("history", params | {"term": str(link.next[1]), "from": str(link.next[2])}))
        term, genesis = link.next, _reached(genesis, link.next)
    return checks, genesis


def _refusal(link, term, ledger, height):
    if link.checkpoint.ledger != ledger:
        return "other-ledger"
    if link.version != 1 or not is_present(link.proof, b"alliance", link.value, link.checkpoint.state_root):
        return "alliance-proof"
    if encode(link.term) != encode(term) or link.checkpoint.height < term[2]:
        return "other-term"
    if link.next is None:
        return "no-next-term"
    if link.next[1] != term[1] + 1 or link.next[2] <= link.checkpoint.height or not _is_allowed(link.next):
        return "term-not-allowed"
    return "later-term" if height < link.next[2] else None


def _read_link(data):
    value = fields(decode_deterministic(data), (1, 2, 3, 4, 5, 6))
    alliance = fields(value[5], (1, 2, 4, 5, 6), (3,))
    uint(alliance[1], 32)
    uint(alliance[6])
    for term in (alliance[2], alliance.get(3)):
        if term is not None:
            _term_shape(term)
    for proposal in array(alliance[4], 0):
        fields(proposal, (1, 2, 3, 4, 5, 6))
        uint(proposal[1]), institution_id(proposal[2]), change_shape(proposal[3]), uint(proposal[4])
        for voter in array(proposal[5], 0) + array(proposal[6], 0):
            institution_id(voter)
    for invitation in array(alliance[5], 0):
        fields(invitation, (1, 2, 3, 4, 6), (5,))
        invited_shape(invitation)
        uint(invitation[6])
        if 5 in invitation:
            policy_shape(invitation[5])
    return Link(checkpoint(value[1]), certified_seals(value[2]), time_stamps(value[3]), revocation_lists(value[4]), alliance[1],
                alliance[2], alliance.get(3), encode(alliance), state_proof(value[6]))


def _term_shape(term):
    fields(term, (1, 2, 3, 4), (5,))
    if 5 in term:
        fields(term[5], (1, 2))
        suite_numbers(term[5][1]), suite_numbers(term[5][2])
    uint(term[1]), uint(term[2]), policy_shape(term[4])
    for member in array(term[3], 0):
        fields(member, (1, 2), (3,))
        read_institution(member[1])
        expect(uint(member[2]) in (ACTIVE, SUSPENDED), "status")
        if 3 in member:
            text(member[3])


def _active(term):
    return {item.id: item for item in (read_institution(member[1]) for member in term[3] if member[2] == ACTIVE)}


def _is_allowed(term):
    active = _active(term)
    try:
        expect(len(active) >= ACTIVE_MIN and len(term[3]) <= MEMBERS_MAX, "number of members")
        check_distinct([read_institution(member[1]) for member in term[3]])
        check_policy(term[4], active)
        if 5 in term:
            allowed, retired = term[5][1], term[5][2]
            expect(falling(allowed) and falling(retired) and not set(allowed) & set(retired) and EDDSA in allowed, "suites")
    except Malformed:
        return False
    return True


def _reached(genesis, term):
    policy = term[4]
    if 5 in term:
        genesis = replace(genesis, suites=set(term[5][1]), retired=set(term[5][2]))
    return replace(genesis, institutions=_active(term), policy=policy, seal_group=policy[1], time_stamps_needed=policy[2])
