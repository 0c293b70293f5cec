"""
Claim from one of many processes at once; print each id with its key.

    python hammer.py payments.db 8 200 100

The arguments: the file, this process's number, how many claims, over how many
ids. It waits for a line on its input, so that all begin together.
"""
# ruff: noqa: T201 -- it tells its parent

import os
import random
import sys

from samekey.stores import LateOwner, Record, SQLiteStore


NOW = 1_700_000_000.0


def main(path, number, claims, ids):
    """Claim, and complete some of what is claimed."""
    dice = random.Random(number)
    print("ready", flush=True)
    sys.stdin.readline()
    with SQLiteStore(path) as store:
        for turn in range(claims):
            fresh = Record(
                id=f"order-{dice.randrange(ids)}",
                key=f"{os.getpid()}-{turn}",
                fingerprint=b"",
                state="open",
                created=NOW,
                updated=NOW,
            )
            claim = store.claim(
                fresh, now=NOW + turn, lease=dice.choice([0, 9])
            )
            print(claim.record.id, claim.record.key, int(claim.fresh))
            if claim.taken and dice.random() < 0.2:
                try:
                    store.complete(
                        fresh.id,
                        claim.record.token,
                        state="answered",
                        data=b"",
                        now=NOW + turn,
                    )
                except LateOwner:
                    pass


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
