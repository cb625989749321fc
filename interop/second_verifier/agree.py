"""Compares this verifier with the published vectors: `python -m second_verifier.agree testdata/certificates`.

Every vector: the outcome, and in order each check's code, status, reason and whether it counts. Then one good certificate with one
byte changed at a time, which must never be valid. Exits 1 on any disagreement.
"""
import argparse
import json
import sys
from pathlib import Path

from .cbor import decode_deterministic
from .checkpoint import checkpoint
from .record_checks import Presented
from .verdict import Question, verify, verify_account
from .witness_checks import Known

FORMAT = "xiezhi-vectors/1"
SWEPT = "good"


def question_of(vector):
    """What the vector asks."""
    exhibit = vector["exhibit"]
    if exhibit is not None:
        digests = (text.split(":") for text in exhibit["digests"])
        exhibit = Presented(int(exhibit["size"]), tuple((algorithm, bytes.fromhex(value)) for algorithm, value in digests))
    anchors = frozenset([bytes.fromhex(vector["anchor"])])
    known = tuple(map(_known, vector.get("known", ())))
    return Question(anchors, int(vector["declared_time"]), exhibit, vector["record_only"], known)


def _known(entry):
    paths = (tuple(map(bytes.fromhex, entry[hash])) for hash in ("sha256", "sm3"))
    return Known(checkpoint(decode_deterministic(bytes.fromhex(entry["checkpoint"]))), *paths)


def disagreements(vector, verdict):
    """Rows (vector, where, recorded, ours)."""
    recorded, ours = json.loads(vector["verdict"]), json.loads(verdict.as_json())
    rows = []
    for where, theirs in (("outcome", vector["outcome"]), ("verdict.outcome", recorded["outcome"])):
        if theirs != verdict.outcome:
            rows.append((vector["name"], where, theirs, verdict.outcome))
    for part in ("facts", "proves", "does_not_prove"):
        if recorded[part] != ours[part]:
            rows.append((vector["name"], part, recorded[part], ours[part]))
    lines, own_lines = ([_line(check) for check in each["checks"]] for each in (recorded, ours))
    for at in range(max(len(lines), len(own_lines))):
        theirs, own = (each[at] if at < len(each) else "none" for each in (lines, own_lines))
        if theirs != own:
            rows.append((vector["name"], f"check {at}", theirs, own))
    return rows


def _line(check):
    counts = "" if check["counts"] else "not counted"
    return " ".join(part for part in (check["code"], check["status"], check["reason"], counts) if part)


def compare_all(folder, vectors):
    """All rows of disagreement, and how many verdicts are the same byte for byte."""
    rows, identical = [], 0
    for vector in vectors:
        try:
            data = (folder / vector["certificate"]).read_bytes()
        except OSError as error:
            rows.append((vector["name"], "file", "there", str(error)))
            continue
        verdict = (verify_account if vector.get("account") else verify)(data, question_of(vector))
        rows += disagreements(vector, verdict)
        identical += verdict.as_json() == vector["verdict"]
    return rows, identical


def sweep(data, question, positions, mask):
    """Flips `mask` in one byte after the other; returns how many were tried and the offsets that were still valid."""
    offsets = sorted({at * len(data) // positions for at in range(positions)}) if positions < len(data) else range(len(data))
    valid = []
    for at in offsets:
        changed = data[:at] + bytes([data[at] ^ mask]) + data[at + 1:]
        if verify(changed, question).outcome == "valid":
            valid.append(at)
    return len(offsets), valid


def main(argv=None):
    parser = argparse.ArgumentParser(prog="second_verifier.agree", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder of vectors.json")
    parser.add_argument("--positions", type=int, default=1 << 30, help="bytes to change, spread evenly; all unless given")
    parser.add_argument("--swept", default=SWEPT, metavar="NAME", help=f"vector whose bytes are changed ({SWEPT})")
    parser.add_argument("--mask", type=int, default=1, help="bits to flip in each (1)")
    options = parser.parse_args(argv)
    published = json.loads((options.folder / "vectors.json").read_text())
    if published["format"] != FORMAT:
        parser.error(f"vectors.json is not {FORMAT}")
    vectors = {vector["name"]: vector for vector in published["vectors"]}
    rows, identical = compare_all(options.folder, vectors.values())
    print(f"{len(vectors)} vectors, {len({row[0] for row in rows})} disagree, {identical} verdicts the same byte for byte")
    for name, where, theirs, own in rows:
        print(f"  {name}: {where}\n    recorded  {theirs}\n    ours      {own}")

    swept = vectors[options.swept]
    data = (options.folder / swept["certificate"]).read_bytes()
    if verify(data, question_of(swept)).outcome != "valid":
        print(f"{swept['certificate']} is not valid before any change")
        return 1
    tried, still_valid = sweep(data, question_of(swept), options.positions, options.mask)
    print(f"{swept['certificate']}: {tried} of {len(data)} bytes changed, {len(still_valid)} still valid")
    for at in still_valid:
        print(f"  byte {at} is not protected")
    return 1 if rows or still_valid else 0


if __name__ == "__main__":
    sys.exit(main())
