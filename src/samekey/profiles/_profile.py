"""
How one API takes keys, and what its answers mean.
"""

from __future__ import annotations

import datetime as dt
import os
import re

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from samekey._headers import Field, Watched, has_list, look_at
from samekey._names import IDEMPOTENT_METHODS
from samekey.errors import InvalidKey
from samekey.profiles._answers import (
    GENERIC_ANSWERS,
    MEANINGS,
    Meaning,
    Read,
    fits,
    has_header,
    resource_of,
    statuses_of,
)
from samekey.profiles._checks import (
    checked,
    duration,
    header_names,
    instance_of,
    one_of,
    text,
    texts,
)
from samekey.profiles._forms import Write, fitting
from samekey.profiles._values import (
    After5xx,
    Answer,
    Companion,
    KeyRules,
    Match,
    Placement,
    Retention,
    Tier,
    answers,
    companion_list,
    marks,
)


UNKNOWN_RETENTION = 3_600.0
"""For how long a key is relied on where nobody says: an hour, in seconds."""

HINTS = {
    "stripe-should-retry": "flag",
    "x-should-retry": "flag",
    "transient-error": "flag",
    "retry-after-ms": "wait",
    "retry-after": "wait",
    "x-ratelimit-reset": "wait",
    "ratelimit": "wait",
}
"""The hints that are understood: whether to retry, or how long to wait."""


def _hints(value: object, name: str) -> tuple[str, ...]:
    found = texts(value, name)
    for hint in found:
        if hint not in HINTS:
            msg = f"{name} must be of {', '.join(HINTS)}, got {hint!r}"
            raise ValueError(msg)
    return found


@attrs.frozen
class Profile:
    """
    How one API takes keys, and what its answers mean.

    The lists of answers may be None: then the API's documents do not tell,
    and the rules of `GENERIC` are used in their place.

    Args:
        name: What it is chosen by. Others: *aliases*; for people: *title*.

        match: Which requests it is for. Default: POST and PATCH to any host.

        placement: Where the key goes. Default the `Idempotency-Key` header.

        companions: Headers that stay constant beside the key.

        key: Which keys the API takes.

        retention: How long it remembers them.

        replay: Headers that mark a recorded answer.

        in_flight: What says that the first request is still running.

        mismatch: What says that the key was used with another payload.

        already_done: What says that the first request succeeded, in place of
            its answer.

        missing: What says that the request came without a key.

        store_down: What says that the server could not look the key up, and
            so did nothing.

        after_5xx: What the same key gets after a 5xx: the same error again
            (`"replays"`), a new execution (`"executes"`), the rest of the
            work (`"resumes"`), or a key that stays locked (`"locks"`). None
            where it is not documented.

        hints: Headers that say whether to retry, or how long to wait, the
            first that is there going before the others. `Retry-After` is
            obeyed in any case.

        min_retry_delay: The least time before the same key is sent again.

        scope_headers: Headers that say whose key it is, such as an account;
            with another value it is another request.

        tier: `"full"`: everything that keeps an operation single is known;
            `"placement"`: where the key goes is; `"own"`: a user's.

        confidence: `"V"`: the vendor's own page, specification or SDK; `"S"`:
            a source that summarises it; `"I"`: inferred.

        verified_on: When that was looked up.

        sources: Where. *notes*: what a user should know besides.

    Raises:
        TypeError: If an argument is of the wrong type.

        ValueError: If one is out of range, or no generated key would fit.
    """

    name: str = checked("name", text)
    title: str | None = checked("title", text, default=None, kw_only=True)
    aliases: tuple[str, ...] = checked(
        "aliases", texts, default=(), kw_only=True
    )
    match: Match = checked(
        "match", instance_of(Match), factory=Match, kw_only=True
    )
    placement: Placement = checked(
        "placement",
        instance_of(Placement),
        factory=lambda: Placement(name="Idempotency-Key"),
        kw_only=True,
    )
    companions: tuple[Companion, ...] = checked(
        "companions", companion_list, default=(), kw_only=True
    )
    key: KeyRules = checked(
        "key", instance_of(KeyRules), factory=KeyRules, kw_only=True
    )
    retention: Retention = checked(
        "retention", instance_of(Retention), factory=Retention, kw_only=True
    )
    replay: tuple[Answer, ...] | None = checked(
        "replay", marks, default=None, kw_only=True
    )
    in_flight: tuple[Answer, ...] | None = checked(
        "in_flight", answers, default=None, kw_only=True
    )
    mismatch: tuple[Answer, ...] | None = checked(
        "mismatch", answers, default=None, kw_only=True
    )
    already_done: tuple[Answer, ...] | None = checked(
        "already_done", answers, default=None, kw_only=True
    )
    missing: tuple[Answer, ...] | None = checked(
        "missing", answers, default=None, kw_only=True
    )
    store_down: tuple[Answer, ...] | None = checked(
        "store_down", answers, default=None, kw_only=True
    )
    after_5xx: After5xx | None = checked(
        "after_5xx", one_of(After5xx), default=None, kw_only=True
    )
    hints: tuple[str, ...] = checked("hints", _hints, default=(), kw_only=True)
    min_retry_delay: float = checked(
        "min_retry_delay", duration, default=0.0, kw_only=True
    )
    scope_headers: tuple[str, ...] = checked(
        "scope_headers", header_names, default=(), kw_only=True
    )
    tier: Tier = checked("tier", one_of(Tier), default="own", kw_only=True)
    confidence: Literal["V", "S", "I"] | None = checked(
        "confidence",
        one_of(Literal["V", "S", "I"]),
        default=None,
        kw_only=True,
    )
    verified_on: dt.date | None = checked(
        "verified_on", instance_of(dt.date), default=None, kw_only=True
    )
    sources: tuple[str, ...] = checked(
        "sources", texts, default=(), kw_only=True
    )
    notes: tuple[str, ...] = checked("notes", texts, default=(), kw_only=True)

    # Worked out once, for the calls.
    header: Field = attrs.field(init=False, repr=False, eq=False)
    """The header that carries the key; one without a name, if none does."""
    plain: bool = attrs.field(init=False, repr=False, eq=False)
    """Whether the key is nothing but one header."""
    particular: bool = attrs.field(init=False, repr=False, eq=False)
    """Whether what follows an attempt depends on more than its answer."""
    memory: float = attrs.field(init=False, repr=False, eq=False)
    """For how many seconds a key is relied on."""
    coded: frozenset[int] = attrs.field(init=False, repr=False, eq=False)
    """The statuses whose meaning stands in the body."""
    listed: frozenset[int] = attrs.field(init=False, repr=False, eq=False)
    """The statuses that can mean something else than they say."""
    watched: Watched = attrs.field(init=False, repr=False, eq=False)
    """The headers that tell what a failed answer means."""
    _rules: tuple[tuple[Meaning, Answer], ...] = attrs.field(
        init=False, repr=False, eq=False
    )
    _marks: tuple[Answer, ...] = attrs.field(init=False, repr=False, eq=False)
    _marking: Watched = attrs.field(init=False, repr=False, eq=False)
    _write: Write | None = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        at = self.placement
        for name, value in self._worked_out(at).items():
            object.__setattr__(self, name, value)
        if self.key.min > self.key.max:
            msg = f"key.min must be at most key.max, got {self.key.min}"
            raise ValueError(msg)
        if self.tier == "own":
            self._check_pattern()
        makes = at.kind != "none" and self.key.form != "caller"
        # Those that come with samekey are known to fit: a test sees to it.
        write = (
            fitting(self.key, self.misfit)
            if makes and self.tier == "own"
            else None
        )
        object.__setattr__(self, "_write", write)

    def _worked_out(self, at: Placement) -> dict[str, Any]:
        # What the API says itself goes before the generic rules.
        own = [(m, one) for m in MEANINGS for one in getattr(self, m) or ()]
        rest = [
            (meaning, one)
            for meaning in MEANINGS
            if getattr(self, meaning) is None
            for one in GENERIC_ANSWERS.get(meaning, ())
        ]
        rules = tuple(own + rest)
        marks = self.replay
        if marks is None:
            marks = GENERIC_ANSWERS["replay"]
        in_headers = (one.header for _, one in rules if one.header)
        usable = self.retention.usable
        return {
            "header": Field(
                at.name if at.kind == "header" and at.name else ""
            ),
            "plain": at.kind == "header"
            and not (at.quoted or self.companions),
            "particular": bool(self.hints) or self.after_5xx is not None,
            "memory": UNKNOWN_RETENTION if usable is None else usable,
            "coded": statuses_of(
                one for _, one in rules if one.code or one.id
            ),
            "listed": statuses_of(one for _, one in rules),
            "watched": Watched(
                {
                    name.lower().encode()
                    for name in (
                        *(one.header for one in marks if one.header),
                        *in_headers,
                        *self.hints,
                        "retry-after",
                        "retry-after-ms",
                    )
                }
            ),
            "_rules": rules,
            "_marks": marks,
            "_marking": Watched(
                {str(mark.header).lower().encode() for mark in marks}
            ),
        }

    # Keys

    def new_key(self) -> str:
        """Make a random key that the API takes."""
        return self.fit(os.urandom(16))

    def fit(self, digest: bytes) -> str:
        """Write 16 bytes or more as a key that the API takes."""
        write = self._write
        if write is None:
            write = fitting(self.key, self.misfit)
            object.__setattr__(self, "_write", write)
        return write(digest, self.key.max)

    def _check_pattern(self) -> None:
        pattern = self.key.pattern
        try:
            re.compile(pattern or "")
        except re.error as exc:
            msg = (
                "key.pattern must be a regular expression, got"
                f" {pattern!r}: {exc}"
            )
            raise ValueError(msg) from None

    def misfit(self, key: str) -> str | None:
        """Tell what the API's rule is that *key* breaks, if it breaks one."""
        rules = self.key
        if not rules.min <= len(key) <= rules.max:
            return f"{rules.min} to {rules.max} characters"
        pattern = rules.pattern
        if pattern is not None and re.fullmatch(pattern, key) is None:
            return f"as {pattern}"
        return None

    def check_key(self, key: str, name: str) -> str:
        """
        Check that the API takes a key of the user's.

        Raises:
            InvalidKey: If it does not.
        """
        rule = self.misfit(key)
        if rule is None:
            return key
        got = f"{len(key)} characters" if "char" in rule else "another form"
        msg = f"{name} must be {rule} for {self.called}, got {got}"
        raise InvalidKey(msg)

    @property
    def called(self) -> str:
        """What people call it."""
        return self.name if self.title is None else self.title

    def keys(self, method: str) -> bool:
        """Tell whether *method* gets a key without being asked."""
        if self.placement.kind == "none":
            return False
        methods = self.match.methods
        if methods is None:
            return method not in IDEMPOTENT_METHODS
        return method in methods

    # Answers

    def is_replay(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the answer is marked as a recorded one."""
        if has_list(type(headers)):
            marked, _, _ = look_at(headers, self._marking)
            if not marked:  # as nearly always; one pass tells
                return False
        return any(has_header(headers, mark) for mark in self._marks)

    def read(
        self,
        status: int,
        headers: Mapping[str, str],
        body: object,
        *,
        after_doubt: bool,
    ) -> Read:
        """
        Find what an answer means; None where it means what it says.

        Args:
            body: The JSON value of its body, or None.

            after_doubt: An earlier attempt may have been executed.
        """
        for meaning, rule in self._rules:
            if fits(rule, status, headers, body, after_doubt=after_doubt):
                return Read(meaning, resource_of(body, rule))
        return Read()


GENERIC = Profile("generic")
"""The draft's header, with the key unquoted, as nearly every API wants it."""

IETF = Profile(
    "ietf", placement=Placement(name="Idempotency-Key", quoted=True)
)
"""The draft to the letter: the key is a string in double quotes (2.1)."""

NONE = Profile("none", placement=Placement(kind="none"))
"""An API that documents no key: none is sent."""
