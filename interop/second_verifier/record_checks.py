"""The checks of the record itself, from `statement` to `checkpoint-ledger` of verdict.md."""
from dataclasses import dataclass

from .account import as_of, check_present
from .account_change import BEGIN_RESET, CANCEL_RESET, FINISH_RESET, RECOVERY, REPLACING
from .cbor import Malformed
from .checks import failed, not_evaluated, passed, rfc3339, unknown
from .delegation import DEPOSIT
from .digests import sha256, sm3
from .keys import verify
from .merkle import ProofError, check_inclusion
from .statement import ACCOUNT, BATCH, CHANGE, GOVERNANCE, read_batch_item, read_statement


@dataclass(frozen=True)
class Presented:
    """What is known of the original: its length, if known, and digests as (algorithm's name, bytes)."""
    size: int | None
    digests: tuple


@dataclass(frozen=True)
class Record:
    """The statement, and what it or the item of the batch commits to. Each is `None` where it cannot be read or is not there."""
    certificate: object
    statement: object
    item: tuple | None

    @property
    def whole_batch(self):
        return self.statement.kind == BATCH and self.certificate.batch_place is None

    @property
    def item_unreadable(self):
        return self.statement.kind == BATCH and not self.whole_batch and self.item is None

    @property
    def manifest_root(self):
        return self.item[0] if self.item else self.statement.manifest_root

    @property
    def digests(self):
        return self.item[1] if self.item else self.statement.digests


def read_record(certificate):
    """Reads the statement, and the item if the statement is a batch's."""
    try:
        statement = read_statement(certificate.statement)
    except Malformed:
        return Record(certificate, None, None)
    item = None
    if statement.kind == BATCH and certificate.batch_place is not None:
        try:
            item = read_batch_item(certificate.batch_place.item)
        except Malformed:
            pass
    return Record(certificate, statement, item)


def record_checks(record, genesis, ledger, presented, record_only):
    """All checks of this module, in order. `genesis` is `None` when malformed; `ledger` is SHA-256 of its bytes."""
    yield check_statement(record)
    yield check_original(record, presented, record_only)
    yield check_manifest(record)
    yield from check_batch_place(record)
    yield check_signatures(record, genesis)
    yield from check_delegation(record)
    yield from check_inclusions(record.certificate)
    yield check_statement_ledger(record, ledger)
    yield check_checkpoint_ledger(record.certificate.checkpoint, ledger)


def check_statement(record):
    if record.statement is None:
        return failed("statement", "malformed")
    return passed("statement", {"type": record.statement.content_type})


def check_original(record, presented, record_only):
    if record.statement is None:
        return not_evaluated("original", "statement")
    if record.statement.kind in (ACCOUNT, CHANGE):
        return unknown("original", "account-record", counts=presented is not None)
    if record.statement.kind == GOVERNANCE:
        return unknown("original", "governance-record", counts=presented is not None)
    if presented is None:
        return unknown("original", "left-out" if record_only else "not-presented", counts=not record_only)
    if record.whole_batch:
        return unknown("original", "whole-batch")
    if record.item_unreadable:
        return not_evaluated("original", "batch-place")
    return _compare(record, presented)


def _compare(record, presented):
    manifest = record.certificate.manifest if record.manifest_root else None
    recorded = manifest.digests if manifest else []
    recorded = recorded or record.digests
    used = {algorithm for algorithm, _ in recorded}
    compared = [digest for digest in presented.digests if digest[0] in used]
    for digest in compared:
        if digest not in recorded:
            return failed("original", "digest-differs", {"algorithm": digest[0]})
    stated = manifest.size if manifest else None
    if None not in (stated, presented.size) and stated != presented.size:
        return failed("original", "size-differs", {"recorded": str(stated), "presented": str(presented.size)})
    if not compared:
        return unknown("original", "no-common-algorithm" if recorded else "no-digest")
    return passed("original", {"algorithms": ", ".join(algorithm for algorithm, _ in compared)})


def check_manifest(record):
    manifest = record.certificate.manifest
    if manifest is None:
        return unknown("manifest", "absent", counts=False)
    if record.statement is None:
        return not_evaluated("manifest", "statement")
    if record.item_unreadable:
        return not_evaluated("manifest", "batch-place")
    if record.manifest_root is None:
        return failed("manifest", "unexpected")
    if manifest.root != record.manifest_root:
        return failed("manifest", "root-differs")
    for algorithm, value in manifest.digests:
        named = [digest for digest in record.digests if digest[0] == algorithm]
        if named and (algorithm, value) not in named:
            return failed("manifest", "digest-contradicts", {"algorithm": algorithm})
    return passed("manifest", {"open": str(len(manifest.open)), "closed": str(manifest.closed)})


def check_batch_place(record):
    """The check, where there is one."""
    place, statement = record.certificate.batch_place, record.statement
    if statement is None:
        if place is not None:
            yield not_evaluated("batch-place", "statement")
    elif statement.kind != BATCH:
        if place is not None:
            yield failed("batch-place", "not-a-batch")
    elif place is None:
        yield unknown("batch-place", "whole-batch", counts=False)
    else:
        yield _check_place(place, statement, record.item)


def _check_place(place, statement, item):
    if item is None:
        return failed("batch-place", "item-malformed")
    params = {"item": str(place.index), "items": str(statement.items)}
    try:
        check_inclusion(sha256, place.item, place.index, statement.items, place.path, statement.items_root)
    except ProofError as error:
        return failed("batch-place", "index-outside" if error.reason == "index-outside" else "wrong-path", params)
    return passed("batch-place", params)


def check_signatures(record, genesis):
    code, account, checkpoint = "statement-signatures", record.certificate.account, record.certificate.checkpoint
    if record.statement is None or genesis is None:
        return not_evaluated(code, "statement" if record.statement is None else "ledger")
    try:
        check_present(record.certificate.state_proof, account, checkpoint.state_root)
    except ProofError as error:
        return failed(code, error.reason)
    if account.id != record.statement.issuer:
        return failed(code, "other-account")
    if account.created > checkpoint.height:
        return failed(code, "created-later")
    signers = record.statement.signers
    if not _suites_allow(genesis, record.statement):
        return failed(code, "suite")
    return _check_signers(signers, as_of(account, checkpoint.height), record.statement)


def _suites_allow(genesis, statement):
    """Signers' suites are allowed, or retired where keys are replaced; then only keys of allowed suites come, otherwise none of a retired one."""
    replaces = statement.kind == CHANGE and statement.change in REPLACING
    used = {signer.suite for signer in statement.signers}
    if used - genesis.suites - (genesis.retired if replaces else set()):
        return False
    brought = {key.suite for key in statement.new_keys}
    return brought <= genesis.suites if used & genesis.retired else not brought & genesis.retired


def _check_signers(signers, account, statement):
    """Who must sign: the deposit threshold, or the manage threshold; for some changes the recovery key besides, or alone."""
    code, seen, weight, by_recovery = "statement-signatures", set(), 0, False
    change = statement.change if statement.kind == CHANGE else None
    alone, besides = change in (BEGIN_RESET, FINISH_RESET), change == RECOVERY
    objecting = alone or change == CANCEL_RESET
    if account.status != "normal" and not (objecting and account.status == "recovering"):
        return failed(code, "account-status", {"state": account.status})
    for signer in signers:
        if signer.key_id in seen:
            return failed(code, "repeated-key", {"key": signer.key_id.hex()})
        seen.add(signer.key_id)
        recovery = account.recovery
        if (alone or besides) and recovery and (recovery.key_id, recovery.suite) == (signer.key_id, signer.suite):
            by_recovery = True
            continue
        key, own_weight = account.keys.get(signer.key_id, (None, 0))
        if alone or key is None or key.suite != signer.suite:
            return failed(code, "unknown-key", {"key": signer.key_id.hex()})
        weight += own_weight
    manage = statement.kind in (ACCOUNT, CHANGE, GOVERNANCE)
    threshold = 0 if alone else account.manage_threshold if manage else account.deposit_threshold
    if weight < threshold:
        return failed(code, "threshold", {"sum": str(weight), "need": str(threshold)})
    if (alone or besides and account.recovery) and not by_recovery:
        return failed(code, "recovery-key")
    for signer in signers:
        key = account.keys[signer.key_id][0] if signer.key_id in account.keys else account.recovery
        if not verify(key, signer.signed, signer.signature):
            return failed(code, "bad-signature", {"key": signer.key_id.hex()})
    return passed(code, {"account": account.id.hex(), "signers": str(len(signers))})


def check_delegation(record):
    """The check, where certificate or statement speak of another in whose name the record is made."""
    code, statement, certificate = "delegation", record.statement, record.certificate
    grantor, checkpoint = certificate.grantor, certificate.checkpoint
    if statement is None:
        if grantor is not None:
            yield not_evaluated(code, "statement")
    elif statement.grantor is None:
        if grantor is not None:
            yield failed(code, "unexpected")
    elif grantor is None:
        yield failed(code, "no-grantor", {"grantor": statement.grantor.hex()})
    else:
        yield _check_grantor(statement, grantor, certificate.grantor_proof, checkpoint)


def _check_grantor(statement, grantor, proof, checkpoint):
    code, names = "delegation", {"grantor": statement.grantor.hex(), "delegate": statement.issuer.hex()}
    try:
        check_present(proof, grantor, checkpoint.state_root)
    except ProofError as error:
        return failed(code, error.reason)
    if grantor.id != statement.grantor:
        return failed(code, "other-grantor")
    if grantor.created > checkpoint.height:
        return failed(code, "created-later")
    grantor = as_of(grantor, checkpoint.height)
    if grantor.status != "normal":
        return failed(code, "account-status", {"state": grantor.status})
    held = next((one for one in grantor.delegations if one.delegate == statement.issuer), None)
    if held is None or DEPOSIT not in held.permissions:
        return failed(code, "not-delegated", names)
    time = rfc3339(checkpoint.time)
    if held.not_before is not None and checkpoint.time < held.not_before:
        return failed(code, "not-yet", {"not_before": rfc3339(held.not_before), "time": time})
    if checkpoint.time >= held.until:
        return failed(code, "expired", {"until": rfc3339(held.until), "time": time})
    need, today = statement.deposits, held.used_on(checkpoint.time)
    if not need <= held.used <= held.quota:
        return failed(code, "quota", {"quota": str(held.quota), "used": str(held.used), "need": str(need)})
    if held.daily is not None and not need <= today <= held.daily:
        return failed(code, "daily-quota", {"quota": str(held.daily), "used": str(today), "need": str(need)})
    return passed(code, names | {"until": rfc3339(held.until), "used": str(held.used), "quota": str(held.quota)})


def check_inclusions(certificate):
    checkpoint = certificate.checkpoint
    params = {"index": str(certificate.index), "size": str(checkpoint.size)}
    trees = (("inclusion-sha256", sha256, certificate.path_sha256, checkpoint.root_sha256),
             ("inclusion-sm3", sm3, certificate.path_sm3, checkpoint.root_sm3))
    for code, hash, path, root in trees:
        try:
            check_inclusion(hash, certificate.statement, certificate.index, checkpoint.size, path, root)
            yield passed(code, params)
        except ProofError as error:
            yield failed(code, error.reason, params)


def check_statement_ledger(record, ledger):
    code = "statement-ledger"
    if record.statement is None:
        return not_evaluated(code, "statement")
    audience = record.statement.audience
    if audience is None:
        return passed(code, reason="unbound")
    if audience != ledger:
        return failed(code, "other-ledger", {"audience": audience.hex()})
    return passed(code)


def check_checkpoint_ledger(checkpoint, ledger):
    if checkpoint.ledger != ledger:
        return failed("checkpoint-ledger", "other-ledger", {"named": checkpoint.ledger.hex()})
    return passed("checkpoint-ledger", {"height": str(checkpoint.height)})
