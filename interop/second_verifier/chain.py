"""Certification paths and the status of their keys: X.509 and Revocation of certificate.md."""
from dataclasses import dataclass

from .der import DerError, context
from .shapes import INSTITUTION_ID
from .x509 import ED25519, EXTENDED_KEY_USAGE, KEY_USAGE, P256, read_certificate

PATH_CERTIFICATES_MAX = 6
DIGITAL_SIGNATURE, NON_REPUDIATION, SIGN_CERTIFICATES = 0, 1, 5
ANY_PURPOSE, TIME_STAMPING = "2.5.29.37.0", "1.3.6.1.5.5.7.3.8"
INSTITUTION_PREFIX = b"urn:xiezhi:institution:"
COMPROMISED = {"keyCompromise", "cACompromise", "aACompromise"}


class ChainError(ValueError):
    """A chain that does not hold; `reason` is the verdict's."""

    def __init__(self, reason, of=None):
        super().__init__(reason)
        self.reason = reason
        self.of = of


def read(data):
    """Reads an X.509 certificate. Raises `ChainError`."""
    try:
        return read_certificate(data)
    except DerError as error:
        raise ChainError("chain-malformed") from error


def path_under(roots, leaf, intermediates, at, check_leaf, purpose=None):
    """The path, leaf first and root last, that holds in the second of `at` under the first root that gives one.

    Revocation is not looked at. `check_leaf` judges the leaf; `purpose` is what issuers with extended key usages must name.
    Without a path, raises what went wrong under the first root that the chain leads to.
    """
    failure, at = ChainError("chain-unknown-issuer"), at - at % 1000
    for data in roots:
        try:
            path = _build(leaf, intermediates, read(data))
            _check(path, at, purpose)
            check_leaf(leaf)
            return path
        except ChainError as error:
            if failure.reason == "chain-unknown-issuer":
                failure = error
    raise failure


def _build(leaf, intermediates, root):
    """Steps 2 and 3: from the leaf upwards."""
    path = [leaf]
    while True:
        if len(path) == PATH_CERTIFICATES_MAX:
            raise ChainError("chain-too-long")
        last = path[-1]
        if last.unsupported:
            raise ChainError("chain-unsupported", last)
        named = [root] * (root.subject == last.issuer)
        named += [item for item in intermediates if item.subject == last.issuer and item not in path]
        issuer = next((item for item in named if last.signed_by(item)), None)
        if issuer is None and any(item.key_kind != P256 for item in named):
            raise ChainError("chain-unsupported", last)
        if issuer is None:
            raise ChainError("chain-signature" if named else "chain-unknown-issuer", last)
        path.append(issuer)
        if issuer == root:
            return path


def _check(path, at, purpose):
    """Steps 4 and 5."""
    for item in path:
        if not item.not_before <= at <= item.not_after:
            raise ChainError("chain-not-valid-then", item)
        if item.not_understood:
            raise ChainError("chain-unsupported", item)
    below = 0
    for item in path[1:]:
        may_sign = item.usage is None or SIGN_CERTIFICATES in item.usage
        if not item.authority or not may_sign:
            raise ChainError("chain-purpose", item)
        if item.path_length is not None and below > item.path_length:
            raise ChainError("chain-purpose", item)
        if item.purposes is not None and not {ANY_PURPOSE, purpose} & set(item.purposes):
            raise ChainError("chain-purpose", item)
        below += 1


def institution_of(leaf):
    """The id that the leaf of a seal names, as bytes."""
    names = leaf.alternative_names
    head = bytes([context(6, constructed=False)])
    id = names[0][2:].removeprefix(INSTITUTION_PREFIX) if names else b""
    named = len(names) == 1 and names[0] == head + bytes([len(names[0]) - 2 & 127]) + INSTITUTION_PREFIX + id
    if not named or not INSTITUTION_ID.fullmatch(id.decode("ascii", "replace")):
        raise ChainError("chain-purpose", leaf)
    return id


def check_seal_leaf(leaf):
    """Step 6 for a seal."""
    usage_holds = leaf.usage == {DIGITAL_SIGNATURE, NON_REPUDIATION} and KEY_USAGE in leaf.critical
    institution_of(leaf)
    if leaf.authority or not usage_holds or leaf.purposes is not None or leaf.key_kind != ED25519:
        raise ChainError("chain-purpose", leaf)


def check_time_stamp_leaf(leaf):
    """Step 6 for a time stamp."""
    purpose_holds = leaf.purposes == (TIME_STAMPING,) and EXTENDED_KEY_USAGE in leaf.critical
    usage_holds = leaf.usage is None or leaf.usage and leaf.usage <= {DIGITAL_SIGNATURE, NON_REPUDIATION}
    if leaf.authority or not purpose_holds or not usage_holds or leaf.key_kind != P256:
        raise ChainError("chain-purpose", leaf)


@dataclass(frozen=True)
class KeyStatus:
    """What revocation says of a path: the check's status and reason, and the entry that decided."""
    status: str
    reason: str = ""
    entry: object = None


def key_status(path, at, lists):
    """The status in the second of `at` of every key below the root; what fails goes before what is unknown, the leaf before its issuers."""
    at -= at % 1000
    statuses = [_status_of(item, issuer, at, lists) for item, issuer in zip(path, path[1:])]
    for wanted in ("fail", "unknown"):
        for status in statuses:
            if status.status == wanted:
                return status
    return KeyStatus("pass")


def _status_of(item, issuer, at, lists):
    belonging = [each for each in lists if each.belongs_to(issuer)]
    if not all(each.signed_by(issuer) for each in belonging):
        return KeyStatus("fail", "list-signature")
    entries = [each.entries[item.serial] for each in belonging if item.serial in each.entries]
    for entry in entries:
        if at >= entry.since:
            return KeyStatus("fail", "revoked", entry)
    for entry in entries:
        if entry.reason in COMPROMISED:
            return KeyStatus("unknown", "compromised-later", entry)
    if not belonging:
        return KeyStatus("unknown", "no-list")
    in_time = [each for each in belonging if each.made <= max(item.not_after, at)]
    if not in_time:
        return KeyStatus("unknown", "late-list")
    return KeyStatus("pass") if any(each.next_update >= at for each in in_time) else KeyStatus("unknown", "stale-list")
