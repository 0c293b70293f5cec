"""
What a profile says, in words for people.
"""

from __future__ import annotations

import math

from collections.abc import Iterable

import attrs

from samekey.profiles import Answer, Placement, Profile
from samekey.profiles._answers import GENERIC_ANSWERS
from samekey.profiles._profile import HINTS, UNKNOWN_RETENTION


_UNTOLD = "not documented"

_TIERS = {
    "full": "full: all that keeps an operation single is known",
    "placement": (
        "placement: where the key goes is known; what is not listed here is"
        " read as for generic"
    ),
    "own": "built in",
}
_CONFIDENCE = {
    None: "not stated",
    "V": "V: the vendor's own page, specification or SDK",
    "S": "S: a source that summarises the vendor",
    "I": "I: inferred, at least in part",
}
KINDS = {
    "header": "header",
    "json": "JSON body",
    "form": "form body",
    "query": "query string",
    "none": "no key",
}
_FORMS = {
    "uuid4": "a random UUID",
    "uuid4hex": "a random UUID without dashes",
    "uuid5": "a UUID of version 5",
    "caller": "none is made: only the caller knows it",
}
_AFTER_5XX = {
    None: _UNTOLD,
    "replays": "the same key gets the same error again",
    "executes": "the same key executes anew",
    "resumes": "the same key resumes the work",
    "locks": "the same key stays locked",
}
_AFTER_RETENTION = {
    None: f"What a repeat gets after that is {_UNTOLD}.",
    "executes": "A repeat after that is executed anew.",
    "rejects": "A repeat after that is refused.",
}
_HINTS = {"flag": "whether to retry", "wait": "how long to wait"}
_MEANINGS = {
    "replay": "a recorded answer",
    "in_flight": "still running",
    "mismatch": "another payload",
    "already_done": "it succeeded",
    "missing": "no key",
    "store_down": "key store down",
}


def duration(seconds: float | None) -> str:
    """Write a time as people do; `?` for None."""
    if seconds is None:
        return "?"
    if math.isinf(seconds):
        return "for ever"
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size and not seconds % size and seconds != 86_400:
            return f"{seconds / size:g} {unit}"
    return "24 h" if seconds == 86_400 else f"{seconds:g} s"


def told(profile: Profile) -> list[tuple[str, str]]:
    """Tell all of a profile but its sources: pairs of a label and words."""
    match = profile.match
    rows = [
        ("names", _listed((profile.name, *profile.aliases))),
        ("hosts", _listed(match.hosts, "chosen by name only")),
        ("paths", _listed(match.paths, "all")),
        ("methods", _methods(profile)),
        ("key", f"{placed(profile.placement)}; {_key_rules(profile)}"),
    ]
    rows += [
        ("beside it", f"{one.name}: when the first attempt began")
        for one in profile.companions
    ]
    if profile.placement.kind != "none":
        rows.append(("kept for", _retention(profile)))
    rows += [
        (label, _answers(profile, meaning))
        for meaning, label in _MEANINGS.items()
    ]
    rows += [
        ("after a 5xx", _AFTER_5XX[profile.after_5xx]),
        ("hints", _hints(profile)),
        ("whose key", _listed(profile.scope_headers, _UNTOLD)),
    ]
    if profile.min_retry_delay:
        least = duration(profile.min_retry_delay)
        words = f"{least} before the same key is sent again"
        rows.append(("wait at least", words))
    rows += [("note", note) for note in profile.notes]
    seen = "" if profile.verified_on is None else f" ({profile.verified_on})"
    rows += [
        ("tier", _TIERS[profile.tier]),
        ("confidence", f"{_CONFIDENCE[profile.confidence]}{seen}"),
    ]
    return rows


def placed(at: Placement) -> str:
    """Say where the key goes."""
    if at.kind == "none":
        return "the API takes none"
    quoted = ", in double quotes" if at.quoted else ""
    return f"in the {KINDS[at.kind]}, {at.name or at.pointer}{quoted}"


def _listed(items: Iterable[str], none: str = "none") -> str:
    return ", ".join(items) or none


def _methods(profile: Profile) -> str:
    methods = profile.match.methods
    if profile.placement.kind == "none":
        return "none"
    if methods is None:
        return "POST, PATCH and others that are not idempotent"
    return _listed(methods)


def _key_rules(profile: Profile) -> str:
    rules = profile.key
    if profile.placement.kind == "none":
        return "only what was certainly not sent is sent again"
    told = [_FORMS[rules.form], f"{rules.min} to {rules.max} characters"]
    if rules.pattern is not None:
        told.append(f"as {rules.pattern}")
    if rules.required:
        told.append("the API refuses requests without one")
    return "; ".join(told)


def _retention(profile: Profile) -> str:
    kept = profile.retention
    if kept.seconds is None:
        assumed = duration(UNKNOWN_RETENTION)
        told = f"{_UNTOLD}; {assumed} is assumed."
        if kept.after is None:
            return told
        return f"{told} {_AFTER_RETENTION[kept.after]}"
    told = duration(kept.seconds)
    if not math.isinf(kept.seconds):
        told += f", relied on until {duration(kept.margin)} before its end."
        told += f" {_AFTER_RETENTION[kept.after]}"
    return told


def _hints(profile: Profile) -> str:
    return _listed(
        (f"{hint} ({_HINTS[HINTS[hint]]})" for hint in profile.hints),
        "Retry-After only",
    )


def _answers(profile: Profile, meaning: str) -> str:
    own: tuple[Answer, ...] | None = getattr(profile, meaning)
    generic = GENERIC_ANSWERS.get(meaning, ())
    if own is None and not generic:
        return _UNTOLD
    if own is None and profile.tier != "own":
        return f"{_UNTOLD}; read as for generic"
    rest = "any answer" if meaning == "replay" else "any 4xx"
    rules = generic if own is None else own
    return "; or ".join(_grouped(rules, rest)) or "nothing says so"


def _grouped(rules: Iterable[Answer], rest: str) -> list[str]:
    """Say *rules* in words, those that differ in code or status in one."""
    codes: dict[tuple[int | None, Answer], list[str]] = {}
    for rule in rules:
        alike = attrs.evolve(
            rule, status=rule.status and 400, code=rule.code and "code"
        )
        codes.setdefault((rule.status, alike), []).append(rule.code or "")
    statuses: dict[tuple[Answer, tuple[str, ...]], list[int]] = {}
    for (status, alike), found in codes.items():
        group = statuses.setdefault((alike, tuple(found)), [])
        if status is not None:
            group.append(status)
    return [
        _said(alike, _either(map(str, numbers)) or rest, _either(found))
        for (alike, found), numbers in statuses.items()
    ]


def _either(items: Iterable[str]) -> str:
    return " or ".join(items)


def _said(rule: Answer, told: str, codes: str) -> str:
    if rule.header is not None:
        value = "" if rule.value is None else f": {rule.value}"
        told += f" with {rule.header}{value}"
    if rule.code is not None:
        where = "" if rule.field is None else f" at {rule.field}"
        told += f" whose body says {codes}{where}"
    if rule.id is not None:
        told += f", with the resource's id at {rule.id}"
    if rule.after_doubt:
        told += ", after an attempt that may have been executed"
    return told
