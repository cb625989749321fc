"""The second verifier: verdicts on certificates, written from docs/specs and the standards they cite.

It shares no code with the first verifier. It reads no clock and no network: certificate, anchors, what is known of the original and
the declared time are its only inputs. `cryptography` gives it ECDSA over P-256; everything else is here or in Python's library.

    pip install -r interop/second_verifier/requirements.txt
    export PYTHONPATH=interop
    python -m second_verifier record.xzc --exhibit original.pdf --trust <ledger id> --at 2027-01-15T08:01:00Z
    python -m second_verifier.agree testdata/certificates
    python -m unittest second_verifier.tests

Entry point: `verdict.verify`. `record_checks` and `witness_checks` follow verdict.md from top to bottom; each other module is one
spec or one standard.
"""
