"""The command line: `python -m second_verifier CERT --at TIME [...]`. Exits 0 valid, 1 invalid, 5 unknown, 2 when misused."""
import argparse
import hashlib
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .cbor import Malformed, decode_deterministic
from .checkpoint import checkpoint
from .digests import sm3
from .record_checks import Presented
from .texts import DOES_NOT_PROVE
from .verdict import Question, verify
from .witness_checks import Known

EXIT_CODES = {"valid": 0, "invalid": 1, "unknown": 5}


def milliseconds(text):
    """A declared time: milliseconds since 1970, or RFC 3339."""
    if text.isascii() and text.isdigit():
        return int(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("a time needs its offset, such as Z")
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


def digest(text):
    """A digest, `sha256:<hex>` or `sm3:<hex>`."""
    algorithm, _, value = text.partition(":")
    octets = bytes.fromhex(value)
    if algorithm not in ("sha256", "sm3") or len(octets) != 32:
        raise argparse.ArgumentTypeError("not a digest under SHA-256 or SM3")
    return algorithm, octets


def ledger(text):
    """A ledger's id, 64 hexadecimal digits."""
    octets = bytes.fromhex(text)
    if len(octets) != 32:
        raise argparse.ArgumentTypeError("a ledger's id has 64 hexadecimal digits")
    return octets


def arguments(argv):
    parser = argparse.ArgumentParser(prog="second_verifier", description="Verifies a certificate offline.")
    parser.add_argument("certificate", type=Path, metavar="CERT")
    original = parser.add_mutually_exclusive_group()
    original.add_argument("--exhibit", type=Path, metavar="FILE", help="the original")
    original.add_argument("--digest", type=digest, action="append", default=[], metavar="ALG:HEX", help="the original's digest")
    parser.add_argument("--trust", type=ledger, action="append", default=[], metavar="LEDGER", help="id of a trusted ledger")
    parser.add_argument("--known", type=Path, action="append", default=[], metavar="FILE", help="a checkpoint known, as CBOR")
    parser.add_argument("--record-only", action="store_true", help="the original is left out on purpose")
    parser.add_argument("--at", type=milliseconds, required=True, metavar="TIME", help="declared time: milliseconds or RFC 3339")
    parser.add_argument("--json", action="store_true", help="print the verdict's JSON")
    return parser.parse_args(argv)


def presented(options):
    """What is known of the original, or `None`."""
    if options.exhibit:
        data = options.exhibit.read_bytes()
        return Presented(len(data), (("sha256", hashlib.sha256(data).digest()), ("sm3", sm3(data))))
    return Presented(None, tuple(options.digest)) if options.digest else None


def print_items(verdict):
    """Prints one line for each check, then the outcome and what it proves."""
    for check in verdict.checks:
        note = "" if check.counts or check.passed else "(does not count)"
        params = " ".join(f"{key}={value}" for key, value in check.params.items())
        print(" ".join(part for part in (f"{check.status:<8}{check.code:<22}", check.reason, note, params) if part).rstrip())
    print(f"\n{verdict.outcome}")
    for paragraph in (verdict.proves, DOES_NOT_PROVE):
        print(f"\n{paragraph['zh']}\n{paragraph['en']}")


def main(argv=None):
    options = arguments(argv)
    try:
        data, original = options.certificate.read_bytes(), presented(options)
        known = tuple(Known(checkpoint(decode_deterministic(path.read_bytes()))) for path in options.known)
    except (OSError, Malformed) as error:
        print(f"second_verifier: {error}", file=sys.stderr)
        return 2
    verdict = verify(data, Question(frozenset(options.trust), options.at, original, options.record_only, known))
    if options.json:
        print(verdict.as_json())
    else:
        print_items(verdict)
    return EXIT_CODES[verdict.outcome]


if __name__ == "__main__":
    sys.exit(main())
