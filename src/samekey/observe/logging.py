"""
Records of attempts and outcomes, for the standard library's `logging`.
"""

from __future__ import annotations

import logging

from samekey.hooks import AttemptEnded, OperationEnded, RetryPlanned
from samekey.observe._facts import facts_of, trouble_of


class LoggingHook:
    """
    Logs what the library itself does not: attempts, and how calls end.

    Without any hook, the logger `samekey` has a record of each retry (INFO)
    and of each give-up (WARNING), and nothing of what goes well. This adds one
    record for each attempt, and one for each outcome that is not such a
    give-up: answers, errors of your own code, cancellations, and calls that
    are refused before anything is sent. So every call ends with one record.

    What a handler can use stands in `extra`, under the names that the
    library's records have: `samekey_event` (`attempt`, `retry`, `outcome`),
    `samekey_key`, `samekey_outcome` and so on.

    Args:
        logger: Where they go. By default `samekey.observe`, whose records
            reach the handlers of `samekey` too.

        level: Of each record. An outcome that is in doubt, not executed, or
            raised is WARNING at least.

        repeat: Log the retries and give-ups as well, for a *logger* that the
            library's own records do not reach.

        operation_ids: Show operation ids. They may name a person.

    Raises:
        TypeError: If *level* is not a number.
    """

    def __init__(
        self,
        logger: logging.Logger | None = None,
        level: int = logging.INFO,
        *,
        repeat: bool = False,
        operation_ids: bool = False,
    ) -> None:
        if logger is None:
            logger = logging.getLogger("samekey.observe")
        self._logger = logger
        self._level = _check_level(level)
        self._repeat = repeat
        self._ids = operation_ids

    def on_attempt(self, event: AttemptEnded) -> None:
        """Log that an attempt has ended."""
        attempt = event.attempt
        self._log(
            self._level,
            "attempt",
            event,
            "attempt %d: %s",
            attempt.number,
            attempt.error or f"status {attempt.status}",
        )

    def on_retry(self, event: RetryPlanned) -> None:
        """Log that another attempt will be made, if asked to repeat it."""
        if self._repeat:
            said = "asked again" if event.poll else "sent again"
            words = f"will be {said} in %.2f s"
            self._log(self._level, "retry", event, words, event.wait)

    def on_outcome(self, event: OperationEnded) -> None:
        """Log how an operation has ended."""
        if _is_give_up(event) and not self._repeat:
            return
        level = self._level
        trouble = trouble_of(event)
        if trouble is not None:
            level = max(level, logging.WARNING)
        outcome = event.report.outcome
        said = outcome if event.error is None else f"{outcome}, {event.error}"
        words = "%s after %d attempt(s)"
        count = len(event.report.attempts)
        self._log(level, "outcome", event, words, said, count)

    def _log(
        self,
        level: int,
        name: str,
        event: AttemptEnded | RetryPlanned | OperationEnded,
        words: str,
        *values: object,
    ) -> None:
        if not self._logger.isEnabledFor(level):
            return
        facts = facts_of(event, operation_ids=self._ids)
        extra = {f"samekey_{fact}": value for fact, value in facts.items()}
        message = f"%s to %s: {words}, key %s"
        self._logger.log(
            level,
            message,
            facts["method"],
            facts["host"],
            *values,
            facts["key"],
            extra={"samekey_event": name, **extra},
        )


def _check_level(value: object) -> int:
    if not isinstance(value, int):
        msg = f"level must be a number, such as logging.INFO, got {value!r}"
        raise TypeError(msg)
    return value


_GIVEN_UP = {"AnswerLost", "InDoubt", "KeyReused", "NotExecuted"}


def _is_give_up(event: OperationEnded) -> bool:
    """Tell whether the library has logged it: it is in trouble, with a reason."""
    if event.reason is None:
        return False
    if event.error is not None:
        return event.error in _GIVEN_UP
    return trouble_of(event) is not None
