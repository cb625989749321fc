#!/usr/bin/env python3
"""Sends what an OpenAPI document allows, and much that it does not, to a running service with schemathesis: no answer may be a server error, or another than
the document says.

    fuzz.py DOCUMENT URL [--client NAME --key FILE] [--known PARAMETER=VALUE]... [--exclude REGEX]

Always from the same seed, and bounded. Half of the requests name what is known to exist, where `--known` says it.
"""

import argparse
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "clients" / "python"))

import schemathesis
from schemathesis.cli import schemathesis as run
from xiezhi.session import Connection, Key

EXAMPLES = 10
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance,status_code_conformance"
# Bytes that no serializer of schemathesis knows: sent as they are.
BINARY = ["application/cose", "application/cbor", "application/timestamp-query", "application/offset+octet-stream", "application/vnd.xiezhi.certificate+cbor"]

arguments = argparse.ArgumentParser()
arguments.add_argument("document")
arguments.add_argument("url")
arguments.add_argument("--client", default="")
arguments.add_argument("--key")
arguments.add_argument("--known", action="append", default=[])
arguments.add_argument("--exclude", default="^$")
given = arguments.parse_args()
known = dict(one.split("=", 1) for one in given.known)


def as_it_is(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


for media_type in BINARY:
    schemathesis.serializer(media_type)(as_it_is)


@schemathesis.hook
def map_path_parameters(_context, parameters):
    """Names what exists, by the content of the request itself so that a run repeats."""
    if parameters and known and random.Random(repr(sorted(parameters.items()))).random() < 0.5:
        return {name: known.get(name, value) for name, value in parameters.items()}
    return parameters


options = ["--seed", "1", "--max-examples", str(EXAMPLES), "--phases", "fuzzing", "--checks", CHECKS, "--no-shrink", "--continue-on-failure",
           "--request-timeout", "30", "--warnings", "off", "--suppress-health-check", "all", "--exclude-path-regex", given.exclude]
if given.key:
    options += ["-H", f"Authorization: Bearer {Connection(given.url, given.client, Key.from_file(given.key)).token()}"]
run.main(["run", given.document, "--url", given.url, *options])
