"""
What tasks want of a journal: in a thread, and together where that saves syncs.
"""

from __future__ import annotations

import anyio.to_thread

from samekey._call import Call
from samekey._gathering import gatherer_of
from samekey._intent import Begun
from samekey._journaling import Errand, do_all
from samekey._library import Response
from samekey.journal import Journal


async def claim(call: Call) -> Begun:
    """Same as `samekey._journaling.claim`, awaiting."""
    begun = await _sent(Errand(call))
    assert isinstance(begun, Begun)
    return begun


async def record(call: Call, response: Response | None) -> None:
    """Same as `samekey._journaling.record`, awaiting."""
    await _sent(Errand(call, response=response, ended=True))


async def _sent(errand: Errand) -> object:
    # A store blocks, and the loop must not.
    journal: Journal = errand.call.terms.journal
    if journal.shares:
        return await gatherer_of(journal, do_all).do(errand)
    [told] = await anyio.to_thread.run_sync(do_all, [errand])
    if isinstance(told, Exception):
        raise told
    return told
