#!/usr/bin/env python3
"""Checks a COSE receipt of ours with the independent implementation `scitt-cose` (PyPI).

usage: scitt_receipt.py ENTRY RECEIPT PUBLIC_KEY

ENTRY is the statement's bytes (the log's leaf), RECEIPT the COSE receipt (RFC 9942), PUBLIC_KEY the institution's Ed25519
seal key as 64 hexadecimal digits. Prints one line of JSON; exits 0 when the receipt verifies and every tampered copy does not.
"""
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from scitt_cose import parse_signed_statement, verify_receipt


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(entry_path, receipt_path, key_hex):
    entry, receipt = read(entry_path), read(receipt_path)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key_hex))
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    result = verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem)

    def accepted(entry, receipt):
        return verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem).ok

    tampered = [accepted(entry[:-1] + bytes([entry[-1] ^ 1]), receipt)]
    tampered += [accepted(entry, receipt[:-at] + bytes([receipt[-at] ^ 1]) + receipt[len(receipt) - at + 1:]) for at in (1, 40, 64)]
    statement = parse_signed_statement(entry)
    claimed = statement.get("unverified") or statement
    print(json.dumps({
        "ok": result.ok,
        "errors": list(result.errors),
        "root": result.root,
        "tree_size": result.tree_size,
        "leaf_index": result.leaf_index,
        "issuer": result.issuer,
        "subject": result.subject,
        "iat": result.iat,
        "extra_labels": sorted(str(label) for label in result.protected_header_ext),
        "tampered_accepted": any(tampered),
        "statement_issuer": claimed.get("issuer"),
        "statement_content_type": claimed.get("content_type"),
    }))
    return 0 if result.ok and not any(tampered) else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
