"""
The records that samekey logs, under the logger `samekey`.

A retry is one record at INFO, a give-up one at WARNING. They hold no
arguments, no bodies, no credentials and no whole keys; operation ids only
where the logger is enabled for DEBUG. What a handler can use stands in
`extra`, under names that begin with `samekey_`.
"""

from __future__ import annotations

import logging

from typing import Any

from samekey._call import Call
from samekey._report import key_hint
from samekey._verdict import Evidence
from samekey.errors import Reason


logger = logging.getLogger("samekey")
logger.addHandler(logging.NullHandler())


def _facts(call: Call, evidence: Evidence) -> dict[str, Any]:
    facts = {
        "samekey_key": key_hint(call.key),
        "samekey_method": call.method,
        "samekey_host": call.url.host,
        "samekey_attempt": len(call.attempts or ()) + 1,
        "samekey_verdict": str(evidence.verdict),
        "samekey_status": evidence.status,
        "samekey_error": evidence.error,
    }
    if logger.isEnabledFor(logging.DEBUG) and call.operation is not None:
        facts["samekey_operation"] = call.operation.id
    return facts


def _what(evidence: Evidence) -> str:
    if evidence.error is not None:
        return evidence.error
    return f"status {evidence.status}"


def retry(call: Call, evidence: Evidence, seconds: float) -> None:
    """Tell that a call is sent once more."""
    if logger.isEnabledFor(logging.INFO):
        facts = _facts(call, evidence)
        logger.info(
            "%s to %s will be sent again in %.2f s after %s, key %s",
            call.method,
            call.url.host,
            seconds,
            _what(evidence),
            facts["samekey_key"],
            extra={"samekey_event": "retry", "samekey_wait": seconds, **facts},
        )


def key_missing(call: Call, evidence: Evidence) -> None:
    """Tell that the server found no key on a request that had one."""
    if logger.isEnabledFor(logging.WARNING):
        facts = _facts(call, evidence)
        logger.warning(
            "%s to %s: %s says that the request came without its key %s",
            call.method,
            call.url.host,
            call.profile.called,
            facts["samekey_key"],
            extra={"samekey_event": "key_missing", **facts},
        )


def unrecorded(call: Call, why: str) -> None:
    """Tell that the journal does not know how a call went."""
    if logger.isEnabledFor(logging.WARNING):
        logger.warning(
            "%s to %s: the outcome (%s) was not recorded: %s, key %s",
            call.method,
            call.url.host,
            call.outcome,
            why,
            key_hint(call.key),
            extra=_ended(call, "unrecorded"),
        )


def never_began(call: Call, said: str) -> None:
    """Tell that a call ends before its first send."""
    if logger.isEnabledFor(logging.WARNING):
        logger.warning(
            "%s to %s: %s; its time was over before its first send, key %s",
            call.method,
            call.url.host,
            said,
            key_hint(call.key),
            extra={**_ended(call, "give_up"), "samekey_reason": "deadline"},
        )


def _ended(call: Call, event: str) -> dict[str, Any]:
    return {
        "samekey_event": event,
        "samekey_outcome": str(call.outcome),
        "samekey_key": key_hint(call.key),
        "samekey_method": call.method,
        "samekey_host": call.url.host,
    }


def gave_up(call: Call, evidence: Evidence, reason: Reason, said: str) -> None:
    """Tell that a call ends without an answer that can be handed out."""
    if logger.isEnabledFor(logging.WARNING):
        facts = _facts(call, evidence)
        logger.warning(
            "%s to %s: %s after %d attempt(s), the last with %s (%s), key %s",
            call.method,
            call.url.host,
            said,
            facts["samekey_attempt"],
            _what(evidence),
            reason,
            facts["samekey_key"],
            extra={
                "samekey_event": "give_up",
                "samekey_outcome": str(call.outcome),
                "samekey_reason": reason,
                **facts,
            },
        )
