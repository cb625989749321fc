"""The verdict: verdict.md. Reads no clock and no network."""
import json
from dataclasses import dataclass

from .cbor import Malformed
from .certificate import CertificateError, read_certificate
from .checks import failed, not_evaluated, passed, unknown
from .digests import sha256
from .facts import gather_account_facts, gather_facts, no_facts
from .genesis import read_genesis
from .history import walk
from .proven_account import read_proven_account
from .record_checks import check_checkpoint_ledger, read_record, record_checks
from .texts import DOES_NOT_PROVE, PROVES_ACCOUNT, PROVES_NOTHING, PROVES_ORIGINAL, PROVES_RECORD
from .witness_checks import check_consistency, judge_witnesses, witnesses_not_evaluated

CODES = ("certificate", "ledger", "statement", "original", "manifest", "batch-place", "statement-signatures", "inclusion-sha256",
         "inclusion-sm3", "statement-ledger", "checkpoint-ledger", "seal", "seal-policy", "time-stamp", "time-stamp-policy",
         "key-status", "revocation-lists", "times", "consistency")


@dataclass(frozen=True)
class Question:
    """What is asked of a certificate. `presented` is `None` when nothing is; times in milliseconds."""
    anchors: frozenset
    declared_time: int
    presented: object = None
    record_only: bool = False
    known: tuple = ()


@dataclass(frozen=True)
class Verdict:
    """The checks in order, and what follows from them."""
    question: Question
    file_hash: bytes
    checks: list
    facts: dict
    proves_if_valid: dict | None = None

    @property
    def outcome(self):
        if any(check.status == "fail" for check in self.checks):
            return "invalid"
        if any(check.status == "unknown" and check.counts for check in self.checks):
            return "unknown"
        return "valid"

    def check(self, code):
        """The first check of this code."""
        return next(check for check in self.checks if check.code == code)

    @property
    def proves(self):
        if self.outcome != "valid":
            return PROVES_NOTHING
        if self.proves_if_valid:
            return self.proves_if_valid
        return PROVES_ORIGINAL if self.check("original").passed else PROVES_RECORD

    def as_json(self):
        """The verdict on one line."""
        return json.dumps({
            "format": "xiezhi-verdict/1",
            "outcome": self.outcome,
            "record_only": self.question.record_only,
            "declared_time": str(self.question.declared_time),
            "certificate": self.file_hash.hex(),
            "checks": [check.as_json() for check in self.checks],
            "facts": self.facts,
            "proves": self.proves,
            "does_not_prove": DOES_NOT_PROVE,
        }, ensure_ascii=False, separators=(",", ":"))


def verify(data, question):
    """The verdict on the file `data`."""
    file_hash = sha256(data)
    try:
        certificate = read_certificate(data)
    except CertificateError as error:
        checks = [failed("certificate", error.reason)]
        checks += [not_evaluated(code, "certificate") for code in CODES[1:]]
        return Verdict(question, file_hash, checks, no_facts())
    ledger, genesis = _read_genesis(certificate)
    record = read_record(certificate)
    checks = [passed("certificate"), _check_ledger(ledger, genesis, question.anchors)]
    issued_at = record.statement and record.statement.issued_at
    history, genesis, witnesses = _witnessed(certificate, genesis, ledger, question.declared_time, issued_at)
    checks += record_checks(record, genesis, ledger, question.presented, question.record_only)
    checks += history
    checks += witnesses.checks
    checks += [check_consistency(certificate.checkpoint, known) for known in question.known] or [
        unknown("consistency", "none-known", counts=False)]
    met = all(check.passed for check in checks if check.code in ("seal-policy", "time-stamp-policy"))
    facts = gather_facts(certificate, genesis, ledger, record.statement, witnesses, met)
    return Verdict(question, file_hash, checks, facts)


def verify_account(data, question):
    """The verdict on the file `data` that proves an account."""
    file_hash = sha256(data)
    try:
        proven = read_proven_account(data)
    except CertificateError as error:
        return Verdict(question, file_hash, [failed("certificate", error.reason)], no_facts(), PROVES_ACCOUNT)
    ledger, genesis = _read_genesis(proven)
    params = {"account": proven.id.hex(), "height": str(proven.checkpoint.height)}
    state = passed("account-state", params, "" if proven.account else "absent") if proven.holds else failed("account-state", "state-proof", params)
    checks = [passed("certificate"), _check_ledger(ledger, genesis, question.anchors), state, check_checkpoint_ledger(proven.checkpoint, ledger)]
    history, genesis, witnesses = _witnessed(proven, genesis, ledger, question.declared_time, None)
    checks += history
    checks += witnesses.checks
    met = all(check.passed for check in checks if check.code in ("seal-policy", "time-stamp-policy"))
    facts = gather_account_facts(proven, genesis, ledger, witnesses, met)
    return Verdict(question, file_hash, checks, facts, PROVES_ACCOUNT)


def _read_genesis(sealed):
    """The ledger's id, and the genesis if it can be read."""
    ledger = sha256(sealed.genesis)
    try:
        return ledger, read_genesis(sealed.genesis)
    except Malformed:
        return ledger, None


def _witnessed(sealed, genesis, ledger, declared_time, issued_at):
    """The checks of the history, the genesis with the last term reached, and what witnesses the checkpoint."""
    if genesis is None:
        history = [not_evaluated("history", "ledger", link=str(number)) for number in range(len(sealed.history))]
        return history, None, witnesses_not_evaluated(sealed)
    history, genesis = walk(
        sealed, genesis, ledger, lambda link, term: judge_witnesses(link, term, declared_time, None).checks)
    return history, genesis, judge_witnesses(sealed, genesis, declared_time, issued_at)


def _check_ledger(ledger, genesis, anchors):
    if genesis is None:
        return failed("ledger", "genesis-malformed")
    if ledger not in anchors:
        return unknown("ledger", "unknown-ledger", {"ledger": ledger.hex()})
    return passed("ledger", {"ledger": ledger.hex()} | genesis.name)
