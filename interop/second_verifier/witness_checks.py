"""The checks of seals, time stamps, their keys and times: from `seal` to `consistency` of verdict.md."""
from dataclasses import dataclass

from .chain import ChainError, check_seal_leaf, institution_of, key_status, path_under, read
from .checkpoint import Checkpoint, SealError, check_signatures
from .checks import Check, failed, not_evaluated, passed, rfc3339, unknown
from .der import DerError
from .digests import sha256, sm3
from .genesis import GROUP, ROLE, ROLES
from .merkle import consistent
from .time_stamp import TokenError, check_token
from .x509 import read_list


@dataclass(frozen=True)
class Witness:
    """A seal or a time stamp as judged. `path` is there when its chain holds, the status when the path is."""
    check: Check
    status: Check
    source: object                      # the seal, or the time stamp that holds
    path: tuple = ()

    @property
    def good(self):
        return self.check.passed and self.status.passed

    @property
    def undecided(self):
        return self.check.passed and self.status.status == "unknown"


@dataclass(frozen=True)
class Known:
    """A checkpoint known before, and consistency proofs between it and the certificate's, empty where there are none."""
    checkpoint: Checkpoint
    path_sha256: tuple = ()
    path_sm3: tuple = ()


@dataclass(frozen=True)
class Witnesses:
    """Everything that stands beside the record, judged."""
    seals: list
    time_stamps: list
    lists: list                         # `None` for one that cannot be read
    checks: list

    @property
    def good_seals(self):
        return [item.source for item in self.seals if item.good]

    @property
    def good_time_stamps(self):
        return [item.source for item in self.time_stamps if item.good]


def judge_witnesses(certificate, genesis, declared_time, issued_at):
    """Judges them under a genesis that can be read; `checks` lack `consistency` only."""
    lists = [_read_list(data) for data in certificate.lists]
    readable = [item for item in lists if item is not None]
    seals = [_judge_seal(item, certificate.checkpoint, genesis, readable) for item in certificate.seals]
    stamps = [_judge_token(number, certificate, genesis, declared_time, readable) for number in range(len(certificate.time_stamps))]
    witnesses = Witnesses(seals, stamps, lists, [])
    witnesses.checks.extend([
        *(item.check for item in seals),
        check_seal_policy(witnesses, genesis),
        *(item.check for item in stamps),
        check_time_stamp_policy(witnesses, genesis.time_stamps_needed),
        *(item.status for item in seals + stamps),
        check_lists(witnesses),
        check_times(certificate, genesis, declared_time, issued_at, readable),
    ])
    return witnesses


def witnesses_not_evaluated(certificate):
    """The checks when the genesis cannot be read."""
    seals, stamps = [item.seal.institution for item in certificate.seals], range(len(certificate.time_stamps))
    return Witnesses([], [], [], [
        *(not_evaluated("seal", "ledger", institution=id) for id in seals),
        not_evaluated("seal-policy", "ledger"),
        *(not_evaluated("time-stamp", "ledger", number=str(number)) for number in stamps),
        not_evaluated("time-stamp-policy", "ledger"),
        *(not_evaluated("key-status", "seal", of=of) for of in seals),
        *(not_evaluated("key-status", "time-stamp", of=str(number)) for number in stamps),
        not_evaluated("revocation-lists", "ledger"),
        not_evaluated("times", "ledger"),
    ])


def _read_list(data):
    try:
        return read_list(data)
    except DerError:
        return None


def _judge_seal(certified, checkpoint, genesis, lists):
    seal = certified.seal
    check, path = _check_seal(certified, checkpoint, genesis)
    if not check.passed:
        return Witness(check, not_evaluated("key-status", "seal", of=seal.institution), seal)
    return Witness(check, _status(seal.institution, path, seal.time * 1000, lists), seal, tuple(path))


def _check_seal(certified, checkpoint, genesis):
    """The check, and the path when it passes."""
    code, seal = "seal", certified.seal
    params = {"institution": seal.institution}
    institution = genesis.institutions.get(seal.institution)
    if institution is None:
        return failed(code, "unknown-institution", params), None
    try:
        check_signatures(seal, checkpoint, genesis.origin, institution.seal_key)
    except SealError as error:
        return failed(code, error.reason, params | ({"form": error.form} if error.form else {})), None
    if not certified.chain:
        return failed(code, "no-chain", params), None
    try:
        leaf, *intermediates = [read(data) for data in certified.chain]
        path = path_under(genesis.roots, leaf, intermediates, seal.time * 1000, check_seal_leaf)
    except ChainError as error:
        return failed(code, error.reason, params | {"of": seal.institution}), None
    if institution_of(leaf) != seal.institution.encode():
        return failed(code, "other-institution", params), None
    if leaf.key != institution.seal_key:
        return failed(code, "other-key", params), None
    if certified.chain != [item.raw for item in path[:-1]]:
        return failed(code, "stray-certificate", params), None
    return passed(code, params | institution.name | {"time": rfc3339(seal.time * 1000)}), path


def _judge_token(number, certificate, genesis, declared_time, lists):
    code, params = "time-stamp", {"number": str(number)}
    data, checkpoint = certificate.time_stamps[number], certificate.checkpoint
    try:
        if data in certificate.time_stamps[:number]:
            raise TokenError("twice")
        stamp = check_token(data, checkpoint.digest, genesis.time_stamp_roots)
    except (TokenError, ChainError) as error:
        status = not_evaluated("key-status", "time-stamp", of=str(number))
        return Witness(failed(code, error.reason, params), status, None)
    params |= {"of": stamp.authority.name, "time": rfc3339(stamp.time)}
    check = passed(code, params)
    if stamp.time < checkpoint.time - genesis.skew:
        check = failed(code, "before-checkpoint", params)
    elif stamp.time > declared_time:
        check = failed(code, "after-declared-time", params)
    return Witness(check, _status(stamp.authority.name, stamp.path, stamp.time, lists), stamp, stamp.path)


def _status(of, path, at, lists):
    found = key_status(path, at, lists)
    params = {"of": of}
    if found.entry:
        params["since"] = rfc3339(found.entry.since)
    if found.reason == "revoked":
        params |= {"why": found.entry.reason, "used": rfc3339(at)}
    return Check("key-status", found.status, found.reason, params)


def check_seal_policy(witnesses, genesis):
    code, good = "seal-policy", [item.institution for item in witnesses.good_seals]
    undecided = [item.source.institution for item in witnesses.seals if item.undecided]
    params = {"sealed": ", ".join(good)}
    if genesis.met_by(good):
        return passed(code, params)
    if genesis.met_by(good + undecided):
        return unknown(code, "undecided", params | {"undecided": ", ".join(undecided)})
    return failed(code, "not-met", params | {"missing": ", ".join(_missing(genesis, genesis.seal_group, good))})


def _missing(genesis, group, sealed):
    """The members that groups not met lack."""
    for member in group[1]:
        kind, (named,) = member
        if genesis.member_met(member, sealed):
            continue
        if kind == GROUP:
            yield from _missing(genesis, named, sealed)
        else:
            yield f"role {ROLES[named]}" if kind == ROLE else named


def different_authorities(stamps):
    """How many of the time stamps' authorities differ pairwise in subject and in key: a matching of subjects and keys."""
    keys_of, holder = {}, {}
    for stamp in stamps:
        keys_of.setdefault(stamp.authority.subject, set()).add(stamp.authority.key)

    def place(subject, tried):
        for key in sorted(keys_of[subject] - tried):
            tried.add(key)
            if key not in holder or place(holder[key], tried):
                holder[key] = subject
                return True
        return False

    return sum(place(subject, set()) for subject in keys_of)


def check_time_stamp_policy(witnesses, needed):
    code, good = "time-stamp-policy", witnesses.good_time_stamps
    undecided = [item.source for item in witnesses.time_stamps if item.undecided]
    authorities = different_authorities(good)
    params = {"authorities": str(authorities), "needed": str(needed)}
    if authorities >= needed:
        return passed(code, params)
    if different_authorities(good + undecided) >= needed:
        return unknown(code, "undecided", params | {"undecided": ", ".join(item.authority.name for item in undecided)})
    return failed(code, "not-met", params)


def check_lists(witnesses):
    code, owners = "revocation-lists", set()
    authorities = [item for witness in witnesses.seals + witnesses.time_stamps for item in witness.path[1:]]
    open_check = next((item.check.code for item in witnesses.seals + witnesses.time_stamps if not item.check.passed), None)
    for number, each in enumerate(witnesses.lists):
        params = {"list": str(number)}
        if each is None:
            return failed(code, "malformed", params)
        owner = next(((item.subject, item.key) for item in authorities if each.belongs_to(item)), None)
        if owner is None:
            return not_evaluated(code, open_check) if open_check else failed(code, "stray", params)
        if owner in owners:
            return failed(code, "twice", params)
        owners.add(owner)
    return passed(code, {"lists": str(len(witnesses.lists))})


def check_times(certificate, genesis, declared_time, issued_at, lists):
    """`issued_at` is the statement's, in seconds; `None` where it has none or cannot be read."""
    code, checkpoint = "times", certificate.checkpoint
    if checkpoint.time > declared_time:
        return failed(code, "checkpoint-after-declared-time", {"time": rfc3339(checkpoint.time)})
    if checkpoint.time < genesis.created:
        return failed(code, "checkpoint-before-genesis", {"time": rfc3339(checkpoint.time)})
    for item in certificate.seals:
        time = item.seal.time * 1000
        params = {"time": rfc3339(time), "institution": item.seal.institution}
        if time > declared_time:
            return failed(code, "seal-after-declared-time", params)
        if time < checkpoint.time - genesis.skew:
            return failed(code, "seal-before-checkpoint", params)
    if issued_at is not None and issued_at > checkpoint.time // 1000 + genesis.statement_window:
        return failed(code, "statement-after-checkpoint", {"time": rfc3339(issued_at * 1000)})
    for each in lists:
        if each.made // 1000 > declared_time // 1000:
            return failed(code, "list-after-declared-time", {"time": rfc3339(each.made)})
    return passed(code)


def check_consistency(own, known):
    """The check against one checkpoint known before."""
    code, other = "consistency", known.checkpoint
    if other.ledger != own.ledger:
        return unknown(code, "other-ledger", counts=False)
    old, new = sorted((own, other), key=lambda item: item.height)
    if old.height == new.height:
        return passed(code) if old == new else failed(code, "fork")
    if old.size > new.size or old.time > new.time:
        return failed(code, "fork")
    if old.size == new.size:
        return passed(code) if (old.root_sha256, old.root_sm3) == (new.root_sha256, new.root_sm3) else failed(code, "fork")
    if old.size == 0:
        empty = (old.root_sha256, old.root_sm3) == (sha256(b""), sm3(b"")) and not (known.path_sha256 or known.path_sm3)
        return passed(code) if empty else failed(code, "wrong-proof")
    if not known.path_sha256 and not known.path_sm3:
        return unknown(code, "no-proof", counts=False)
    connected = (consistent(sha256, old.size, old.root_sha256, new.size, new.root_sha256, known.path_sha256)
                 and consistent(sm3, old.size, old.root_sm3, new.size, new.root_sm3, known.path_sm3))
    return passed(code) if connected else failed(code, "wrong-proof")
