"""
What tasks want of a journal: in a thread, and together where that saves syncs.
"""

from __future__ import annotations

from samekey._call import Call
from samekey._gathering import gatherer_of
from samekey._intent import Begun
from samekey._journaling import Errand, do_all, failed
from samekey._library import Response
from samekey._recording import unrecorded
from samekey._threads import in_thread
from samekey.journal import Journal
from samekey.stores import StoreError


async def claim(call: Call) -> Begun:
    """Same as `samekey._journaling.claim`, awaiting."""
    try:
        begun = await _sent(Errand(call))
    except StoreError as exc:
        raise failed(exc) from exc
    assert isinstance(begun, Begun)
    return begun


async def record(call: Call, response: Response | None) -> None:
    """Same as `samekey._journaling.record`, awaiting."""
    try:
        await _sent(Errand(call, response=response, ended=True))
    except StoreError as exc:
        unrecorded(call, exc)


async def _sent(errand: Errand) -> object:
    # A store blocks, and the loop must not.
    journal: Journal = errand.call.terms.journal
    if journal.shares:
        return await gatherer_of(journal, do_all).do(errand)
    [told] = await in_thread(do_all, [errand])
    if isinstance(told, BaseException):
        raise told
    return told
