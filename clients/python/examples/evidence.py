"""Records a transaction at an evidence service, waits for every proof, and writes the bundle: docs/clients.md.

    python examples/evidence.py URL CLIENT KEYFILE BUNDLE
"""

import pathlib
import sys

from xiezhi.evidence import EvidenceClient
from xiezhi.session import Connection, Key, ServiceError

url, client, key, out = sys.argv[1:]
service = EvidenceClient(Connection(url, client, Key.from_file(key)))

transaction = service.open_transaction({"template": "online-service"}, idempotency_key="order-77")["id"]
fields = {"provider": "Example Ltd.", "user": "u-1", "version": "3", "accepted": "yesterday"}
try:
    service.add_entry(transaction, {"phase": 1, "fields": fields, "content": {"kind": "text", "text": "The terms."}})
except ServiceError as refused:
    # Which field breaks which rule, in the language of the connection.
    print(refused.code, refused.problem["refusals"][0]["field"], refused.problem["refusals"][0]["rule"])
fields["accepted"] = "2026-11-28T09:30:00Z"
entry = service.add_entry(transaction, {"phase": 1, "fields": fields, "content": {"kind": "text", "text": "The terms."}}, idempotency_key="terms-77")

for event in service.follow_events():
    if event["type"] == "entry.complete" and event["data"]["transaction"] == transaction:
        break
pathlib.Path(out).write_bytes(service.get_bundle(transaction, entry["entry"]))
print(service.get_transaction(transaction)["state"])
