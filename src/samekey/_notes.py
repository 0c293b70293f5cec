"""
The class and the note of an error: which one never lies, and what it says.
"""

from __future__ import annotations

from samekey._policy import show_seconds
from samekey._report import Report, key_hint
from samekey.errors import (
    AnswerLost,
    G,
    GaveUp,
    InDoubt,
    NotExecuted,
    Reason,
    blended,
)


_READS_AS_NOT_SENT = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "LocalProtocolError",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
    }
)


def blend(
    plain: type[G],
    other: type[BaseException],
    fallback: type[Exception],
) -> type[G]:
    """
    Make the class that is both *plain* and the library's own *other*.

    *fallback*, the library's `TransportError`, takes the place of a class
    that is not the library's (raw ssl, h11 or h2 errors), and, for what is in
    doubt, of one that reads as "never sent".
    """
    root = fallback.__module__.partition(".")[0]
    if other.__module__.partition(".")[0] != root or (
        plain is InDoubt and other.__name__ in _READS_AS_NOT_SENT
    ):
        other = fallback
    return blended(plain, other)  # type: ignore[arg-type]  # classes are hashable


_WHY: dict[str, str] = {
    "attempts": "all attempts were used",
    "deadline": "the deadline left no time for another attempt",
    "budget": "the retry budget of this host was empty",
    "retention": "the server may soon have forgotten the key",
    "in_flight": "the server was still working on it",
    "unvouched": "nobody vouched that this host keeps keys (see origins=)",
    "status": "the last status is not retried",
    "key_reuse": "the server took the key for another payload's",
    "replayed_error": "the server replays a recorded error",
    "body": "the body cannot be sent again",
    "unkeyed": "no key protects a resend",
    "request": "the request itself is at fault",
    "hint": "the server asked not to try again",
    "locked": "the server keeps the key locked after its error",
}


def _next_step(cls: type[GaveUp], key: str | None, *, named: bool) -> str:
    if cls is AnswerLost:
        return "It took effect: client.resume(exc) asks for the answer again."
    if cls is NotExecuted:
        if named:
            return (
                "This client did not execute it: run it again under the same"
                " key; drop it only if this was its first run."
            )
        return "It was not executed: run it again, or drop it."
    if key is None:
        return "Ask the API what became of it before you send it again."
    return (
        "Keep the key: ask the API what became of it, or resume later under"
        " the same key; do not start it anew."
    )


def note(
    cls: type[GaveUp],
    report: Report,
    reason: Reason,
    *,
    asked: float = 0.0,
    named: bool = False,
) -> str:
    """
    Write the PEP 678 note: what happened, why it stopped, what is next.

    Args:
        cls: What is raised.

        report: What is known.

        reason: Why it was not sent once more.

        asked: How long the server asked to wait, in seconds.

        named: The operation has an id or a key of the user's, so that other
            runs may have sent it too.
    """
    attempts = report.attempts
    seconds = sum(a.elapsed + a.waited for a in attempts)
    many = "attempt" if len(attempts) == 1 else "attempts"
    why = _WHY[reason]
    if reason == "deadline" and asked > 0:
        why = f"the server asked to wait {show_seconds(asked)} s, past the deadline"
    return (
        f"samekey: {report.outcome} after {len(attempts)} {many} in"
        f" {seconds:.2f} s, key {key_hint(report.key)}; stopped because"
        f" {why}. {_next_step(cls, report.key, named=named)}"
    )


def passing_note(report: Report) -> str:
    """Write the note for an exception that is not ours and goes on up."""
    return (
        f"samekey: {report.outcome} after {len(report.attempts)} attempt(s),"
        f" key {key_hint(report.key)}; samekey.report(exc) tells the rest."
    )
