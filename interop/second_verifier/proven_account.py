"""The proof of an account, or of its absence: account-and-state.md."""
from dataclasses import dataclass

from .account import Account, StateProof, account, is_absent, is_present, state_proof
from .cbor import Malformed, decode_first, encode
from .certificate import BEGINNING, BYTES_MAX, HISTORY_MAX, CertificateError, certified_seals, revocation_lists, time_stamps
from .checkpoint import Checkpoint, checkpoint
from .shapes import array, expect, fields, octets, text, uint


@dataclass(frozen=True)
class ProvenAccount:
    """A file whose shape is right. Genesis and DER are not yet read."""
    genesis: bytes
    history: list
    id: bytes
    account: Account | None
    state_proof: StateProof
    checkpoint: Checkpoint
    seals: list
    time_stamps: list
    lists: list

    @property
    def holds(self):
        """Whether the state proves the account, or that there is none."""
        key, root = b"account/" + self.id, self.checkpoint.state_root
        if self.account is None:
            return is_absent(self.state_proof, key, root)
        return self.account.id == self.id and is_present(self.state_proof, key, self.account.encoding, root)


def read_proven_account(data):
    """Reads the file. Raises `CertificateError`."""
    if not data.startswith(BEGINNING):
        raise CertificateError("not-a-certificate")
    if len(data) > BYTES_MAX:
        raise CertificateError("too-long")
    body = data[len(BEGINNING):]
    try:
        value = decode_first(body)
        fields(value, (0, 1, 2, 3, 4, 6, 7, 8, 9, 10), (5,))
        proven = _proven(value)
    except Malformed as error:
        raise CertificateError("malformed") from error
    if encode(value) != body:
        raise CertificateError("not-canonical")
    if value[1] != 1:
        raise CertificateError("version")
    return proven


def _proven(value):
    expect(text(value[0]) == "account", "kind")
    uint(value[1], 32)
    return ProvenAccount(
        genesis=octets(value[2]),
        history=[octets(item) for item in array(value[3], 0, HISTORY_MAX)],
        id=octets(value[4], 32),
        account=account(value[5]) if 5 in value else None,
        state_proof=state_proof(value[6]),
        checkpoint=checkpoint(value[7]),
        seals=certified_seals(value[8]),
        time_stamps=time_stamps(value[9]),
        lists=revocation_lists(value[10]),
    )
