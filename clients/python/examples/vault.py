"""Uploads the original of a record of one's own to a vault and grants another account to read it: docs/clients.md.

    python examples/vault.py URL ACCOUNT KEYFILE ORIGINAL CERTIFICATE GRANTEE
"""

import pathlib
import sys

from xiezhi.session import Connection, Key, ServiceError
from xiezhi.vault import VaultClient

PIECE = 8 << 20

url, account, key, original, certificate, grantee = sys.argv[1:]
vault = VaultClient(Connection(url, account, Key.from_file(key)))
content = pathlib.Path(original).read_bytes()

begun = vault.begin_upload(len(content), pathlib.Path(certificate).read_bytes())
exhibit, offset = begun["exhibit"], begun["offset"]
while offset < len(content):
    kept = vault.upload(exhibit, "1.0.0", offset, content[offset : offset + PIECE])
    offset = int(kept["upload-offset"])
vault.create_grant(exhibit, {"grantee": grantee, "purpose": "case", "case": "(2026)1", "expires": "2099-01-01T00:00:00Z"})
try:
    vault.read_exhibit(exhibit, {"purpose": "  "})
except ServiceError as refused:
    assert refused.code == "field-refused", refused
assert vault.get_segments(exhibit)[:12] != content[:12]
print(exhibit, *(entry["what"] for entry in vault.list_entries(exhibit)["entries"]))
