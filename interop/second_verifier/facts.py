"""The facts of a verdict: who, what and when, as the certificate states them."""
from .checks import rfc3339
from .genesis import ROLES
from .statement import BATCH, DEPOSIT
from .witness_checks import different_authorities

NAMES = ("record_number", "ledger", "ledger_name", "index", "item", "height", "checkpoint_time", "exists_since", "statement",
         "issuer", "grantor", "issued_at", "group", "phase", "content_type", "time_stamps", "seals")

WHERE_GIVEN = {"grantor"}                # left out where there is none


def no_facts():
    """The facts of a file that cannot be read."""
    return {name: None for name in NAMES if name not in WHERE_GIVEN} | {"time_stamps": [], "seals": []}


def gather_facts(certificate, genesis, ledger, statement, witnesses, policies_met):
    """The facts, in the order of JSON; what is not known is `None`."""
    place = certificate.batch_place
    facts = _sealed_facts(certificate, genesis, ledger, witnesses, policies_met)
    facts |= {
        "record_number": record_number(ledger, certificate.index, place and place.index),
        "index": str(certificate.index),
        "item": place and place.index,
    }
    facts = facts if statement is None else facts | _statement_facts(statement)
    return {name: facts[name] for name in NAMES if name in facts}


def gather_account_facts(proven, genesis, ledger, witnesses, policies_met):
    """The facts of a file that proves an account, likewise."""
    return _sealed_facts(proven, genesis, ledger, witnesses, policies_met) | {"issuer": proven.id.hex()}


def _sealed_facts(sealed, genesis, ledger, witnesses, policies_met):
    facts = no_facts() | {
        "ledger": ledger.hex(),
        "height": str(sealed.checkpoint.height),
        "checkpoint_time": rfc3339(sealed.checkpoint.time),
    }
    if genesis is not None:
        facts["ledger_name"] = genesis.name
        facts |= _witness_facts(genesis, witnesses)
    if policies_met:
        facts["exists_since"] = rfc3339(_exists_since(sealed, genesis, witnesses))
    return facts


def record_number(ledger, index, item=None):
    """What a person reads out. Check digits: ISO 7064, MOD 97-10, over letters from A = 10 to Z = 35, the point being 36."""
    place = str(index) if item is None else f"{index}.{item}"
    values = {".": "36"}
    digits = "".join(values.get(character) or str(int(character, 36)) for character in f"xz{ledger[:4].hex()}{place}")
    return f"XZ-{ledger[:4].hex()}-{place}-{98 - int(digits) * 100 % 97:02}"


def _statement_facts(statement):
    grouped = statement.kind in (DEPOSIT, BATCH) and statement.subject != "exhibit"
    return {
        "statement": statement.id.hex(),
        "issuer": statement.issuer.hex(),
        "issued_at": None if statement.issued_at is None else rfc3339(statement.issued_at * 1000),
        "group": statement.subject if grouped else None,
        "phase": statement.phase,
        "content_type": statement.content_type,
    } | ({} if statement.grantor is None else {"grantor": statement.grantor.hex()})


def _witness_facts(genesis, witnesses):
    stamps = [{"authority": item.authority.name, "time": rfc3339(item.time)} for item in witnesses.good_time_stamps]
    seals = []
    for item in witnesses.good_seals:
        institution = genesis.institutions[item.institution]
        seals.append({"institution": item.institution, "role": ROLES[institution.role], "name": institution.name,
                      "time": rfc3339(item.time * 1000)})
    return {"time_stamps": stamps, "seals": seals}


def _exists_since(certificate, genesis, witnesses):
    """When enough different authorities had seen the checkpoint, but not before its own time."""
    stamps, seen = sorted(witnesses.good_time_stamps, key=lambda item: item.time), []
    for stamp in stamps:
        if different_authorities(seen) >= genesis.time_stamps_needed:
            break
        seen.append(stamp)
    return max([certificate.checkpoint.time, *(item.time for item in seen)])
