"""
Where records live: one small protocol, a store in memory, and one in SQLite.

A store keeps one record per operation. A claim makes it, or tells what is
there already, so that of all that ask at once exactly one is the first. A
lease tells the others that somebody is at it, and a token refuses what a late
owner writes once another has taken over. Leases are politeness; what is safe
is that an id has one record.

`samekey.testing.StoreConformance` says in tests what a store must keep to.
"""

from ._decide import Ask, Completion
from ._memory import MemoryStore
from ._protocol import Sharing, Store
from ._record import Claim, Done, LateOwner, Record, StoreError
from ._sqlite import SQLiteStore


__all__ = [
    "Ask",
    "Claim",
    "Completion",
    "Done",
    "LateOwner",
    "MemoryStore",
    "Record",
    "SQLiteStore",
    "Sharing",
    "Store",
    "StoreError",
]
