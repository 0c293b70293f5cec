"""Whatever happens in whatever order, both stores do as a plain dict does."""
# ruff: noqa: A001, A002 -- the field's name

import tempfile

import attrs

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from samekey.stores import LateOwner, MemoryStore, Record, SQLiteStore


IDS = st.sampled_from(["a", "b", "A", "\u00e9\0'"])
STATES = st.sampled_from(["open", "answered", "not_executed", "in_doubt"])
TOKENS = st.integers(1, 5)


class Machine(RuleBasedStateMachine):
    """A dict of records, and the two stores that must be like it."""

    def __init__(self):
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = f"{self.directory.name}/payments.db"
        self.model = {}
        self.stores = [MemoryStore(), SQLiteStore(self.path)]
        self.now = 1_000.0
        self.keys = 0

    def teardown(self):
        for store in self.stores:
            store.close()
        self.directory.cleanup()

    def both(self, call):
        """Give what both stores give; they must agree."""
        told = []
        for store in self.stores:
            try:
                told.append(call(store))
            except LateOwner as exc:
                told.append(("late", exc.record))
        assert told[0] == told[1]
        return told[0]

    @rule(
        id=IDS,
        state=STATES,
        lease=st.sampled_from([0.0, 1.0, 7.5]),
        life=st.sampled_from([0.0, 5.0, float("inf")]),
        take=st.sets(STATES),
        replaces=st.none() | TOKENS,
    )
    def claim(self, id, state, lease, life, take, replaces):
        self.keys += 1
        fresh = Record(
            id=id,
            key=f"key-{self.keys}",
            fingerprint=b"%d" % self.keys,
            state=state,
            owner=f"owner-{self.keys}",
            created=self.now,
            updated=self.now,
            expires=self.now + life,
            data=b"fresh",
        )
        claim = self.both(
            lambda store: store.claim(
                fresh,
                now=self.now,
                lease=lease,
                take=take,
                replaces=replaces,
            )
        )

        held = self.now + lease
        there = self.model.get(id)
        if there is None:
            token = 1 if replaces is None else replaces + 1
            expected = attrs.evolve(fresh, token=token, lease_until=held)
            told = (True, True)
        elif there.lease_until > self.now:
            expected, told = there, (False, False)
        elif replaces is not None and replaces == there.token:
            token = replaces + 1
            expected = attrs.evolve(fresh, token=token, lease_until=held)
            told = (True, True)
        elif replaces is None and there.state in take:
            expected = attrs.evolve(
                there,
                token=there.token + 1,
                owner=fresh.owner,
                lease_until=held,
            )
            told = (True, False)
        else:
            expected, told = there, (False, False)
        self.model[id] = expected
        assert told == (claim.taken, claim.fresh)
        assert expected == claim.record

    @rule(
        id=IDS,
        token=TOKENS,
        latest=st.booleans(),
        state=STATES,
        life=st.none() | st.sampled_from([0.0, 3.0]),
        durable=st.booleans(),
    )
    def complete(self, id, token, latest, state, life, durable):
        there = self.model.get(id)
        if latest and there is not None:
            token = there.token
        expires = None if life is None else self.now + life
        done = self.both(
            lambda store: store.complete(
                id,
                token,
                state=state,
                data=b"%d" % token,
                now=self.now,
                expires=expires,
                durable=durable,
            )
        )

        if there is None or there.token != token:
            assert ("late", there) == done
            return
        self.model[id] = attrs.evolve(
            there,
            state=state,
            data=b"%d" % token,
            updated=self.now,
            lease_until=0.0,
            expires=there.expires if expires is None else expires,
        )
        assert self.model[id] == done

    @rule(id=IDS, token=TOKENS)
    def release(self, id, token):
        self.both(lambda store: store.release(id, token, now=self.now))

        there = self.model.get(id)
        if there is not None and there.token == token:
            self.model[id] = attrs.evolve(
                there, lease_until=0.0, updated=self.now
            )

    @rule()
    def sweep(self):
        swept = self.both(lambda store: store.sweep(now=self.now))

        left = {
            id: each
            for id, each in self.model.items()
            if each.expires > self.now or each.lease_until > self.now
        }
        assert len(self.model) - len(left) == swept
        self.model = left

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0, -2.0]))
    def pass_time(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.keys)
    @rule()
    def reopen(self):
        self.stores[1].close()
        self.stores[1] = SQLiteStore(self.path)

    @rule(after=IDS, state=st.none() | STATES, limit=st.integers(1, 3))
    def scan(self, after, state, limit):
        found = self.both(
            lambda store: store.scan(after=after, state=state, limit=limit)
        )

        expected = [
            self.model[id]
            for id in sorted(self.model)
            if id > after and state in (None, self.model[id].state)
        ]
        assert expected[:limit] == found

    @invariant()
    def same(self):
        expected = [self.model[id] for id in sorted(self.model)]
        assert expected == self.both(lambda store: store.scan())


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None
)
