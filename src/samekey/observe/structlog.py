"""
Events of attempts, retries and outcomes, for structlog.
"""

from __future__ import annotations

from typing import Any

import structlog

from samekey.hooks import AttemptEnded, OperationEnded, RetryPlanned
from samekey.observe._facts import facts_of, trouble_of


class StructlogHook:
    """
    Logs each attempt (debug), each retry (info) and each outcome.

    An outcome is info, or warning if it is in doubt, not executed, or raised.
    The events are `samekey.attempt`, `samekey.retry` and `samekey.outcome`,
    with what is known as keywords: `key` (its tail), `method`, `host`,
    `status`, `outcome`, `reason` and so on.

    The library's own records of retries and give-ups go to the standard
    library's logger `samekey`. If both end up in one place, turn those off
    there: `logging.getLogger("samekey").setLevel(logging.ERROR)`.

    Args:
        logger: A structlog logger. By default `structlog.get_logger("samekey")`.

        operation_ids: Show operation ids. They may name a person.
    """

    def __init__(
        self, logger: Any = None, *, operation_ids: bool = False
    ) -> None:
        if logger is None:
            logger = structlog.get_logger("samekey")
        self._logger = logger
        self._ids = operation_ids

    def on_attempt(self, event: AttemptEnded) -> None:
        """Log that an attempt has ended."""
        facts = facts_of(event, operation_ids=self._ids)
        self._logger.debug("samekey.attempt", **facts)

    def on_retry(self, event: RetryPlanned) -> None:
        """Log that another attempt will be made."""
        facts = facts_of(event, operation_ids=self._ids)
        self._logger.info("samekey.retry", **facts)

    def on_outcome(self, event: OperationEnded) -> None:
        """Log how an operation has ended."""
        facts = facts_of(event, operation_ids=self._ids)
        well = trouble_of(event) is None
        log = self._logger.info if well else self._logger.warning
        log("samekey.outcome", **facts)
