"""What a check says, and the texts in it."""
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"


@dataclass(frozen=True)
class Check:
    """One line of a verdict. `params` are for people."""
    code: str
    status: str
    reason: str = ""
    params: dict = field(default_factory=dict)
    counts: bool = True

    @property
    def passed(self):
        return self.status == PASS

    def as_json(self):
        return {"code": self.code, "status": self.status, "reason": self.reason, "counts": self.counts, "params": self.params}


def passed(code, params=None, reason=""):
    return Check(code, PASS, reason, params or {})


def failed(code, reason, params=None):
    return Check(code, FAIL, reason, params or {})


def unknown(code, reason, params=None, counts=True):
    return Check(code, UNKNOWN, reason, params or {}, counts)


def not_evaluated(code, because, **params):
    """A check that has nothing to look at, because the check `because` did not pass."""
    return Check(code, UNKNOWN, "not-evaluated", {"because": because, **params})


def rfc3339(milliseconds):
    """A time in UTC with milliseconds; beyond the year 9999 the number itself."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
