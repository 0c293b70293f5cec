"""Stores that break one promise each; the kit must notice every one."""
# ruff: noqa: A002 -- the field's name

import math
import time

import attrs

from samekey.stores import Claim, MemoryStore, SQLiteStore


class LastKeyWins(MemoryStore):
    """Writes the caller's key over the recorded one."""

    def claim(self, fresh, **options):
        claim = super().claim(fresh, **options)
        if claim.fresh:
            return claim
        record = attrs.evolve(claim.record, key=fresh.key)
        self._write(record)
        return attrs.evolve(claim, record=record)


class TellsOwnKey(MemoryStore):
    """Tells the caller of its own record where another is recorded."""

    def claim(self, fresh, **options):
        claim = super().claim(fresh, **options)
        told = attrs.evolve(claim.record, key=fresh.key)
        return attrs.evolve(claim, record=told)


class IgnoresLease(MemoryStore):
    """Takes over what somebody is at."""

    def claim(self, fresh, **options):
        found = self.get(fresh.id)
        if found is not None:
            self._write(attrs.evolve(found, lease_until=0.0))
        return super().claim(fresh, **options)


class EndsLeaseTooLate(MemoryStore):
    """Holds a lease for the very time at which it ends."""

    def claim(self, fresh, *, now, **options):
        before = math.nextafter(now, 0)
        claim = super().claim(fresh, now=before, **options)
        if not claim.taken:
            return claim
        until = now + options["lease"]
        record = attrs.evolve(claim.record, lease_until=until)
        self._write(record)
        return attrs.evolve(claim, record=record)


class EndsLeaseTooEarly(MemoryStore):
    """Rounds times to whole seconds."""

    def claim(self, fresh, *, now, **options):
        return super().claim(fresh, now=math.ceil(now), **options)


class TakesAnyState(MemoryStore):
    """Takes over what is answered."""

    def claim(self, fresh, **options):
        found = self.get(fresh.id)
        states = () if found is None else (found.state,)
        return super().claim(fresh, **{**options, "take": states})


class KeepsToken(MemoryStore):
    """Gives the next owner the token of the last."""

    def claim(self, fresh, **options):
        claim = super().claim(fresh, **options)
        if claim.fresh or not claim.taken:
            return claim
        record = attrs.evolve(claim.record, token=claim.record.token - 1)
        self._write(record)
        return attrs.evolve(claim, record=record)


class TakesNoFreshToken(MemoryStore):
    """Begins with token 1 again when a record is replaced."""

    def claim(self, fresh, **options):
        claim = super().claim(fresh, **options)
        if not claim.fresh:
            return claim
        record = attrs.evolve(claim.record, token=1)
        self._write(record)
        return attrs.evolve(claim, record=record)


class LateOwnerCompletes(MemoryStore):
    """Takes an answer from whoever brings it."""

    def complete(self, id, token, **written):
        found = self.get(id)
        latest = token if found is None else found.token
        return super().complete(id, latest, **written)


class LateOwnerReleases(MemoryStore):
    """Ends the lease of somebody else."""

    def release(self, id, token, *, now):
        found = self.get(id)
        latest = token if found is None else found.token
        super().release(id, latest, now=now)


class ReleaseForgets(MemoryStore):
    """Drops the record whose lease is released."""

    def release(self, id, token, *, now):
        found = self.get(id)
        if found is not None and found.token == token:
            del self._records[id]


class CompleteLosesData(MemoryStore):
    """Forgets the answer."""

    def complete(self, id, token, **written):
        return super().complete(id, token, **{**written, "data": b""})


class CompleteKeepsLease(MemoryStore):
    """Goes on holding what is done."""

    def complete(self, id, token, **written):
        found = self.get(id)
        done = super().complete(id, token, **written)
        record = attrs.evolve(done, lease_until=found.lease_until)
        self._write(record)
        return record


class ReplacesIgnoresToken(MemoryStore):
    """Replaces whatever is there."""

    def claim(self, fresh, *, replaces=None, **options):
        found = self.get(fresh.id)
        if replaces is not None and found is not None:
            replaces = found.token
        return super().claim(fresh, replaces=replaces, **options)


class ReplacesWhatIsHeld(MemoryStore):
    """Replaces what somebody is at."""

    def claim(self, fresh, *, replaces=None, **options):
        found = self.get(fresh.id)
        if replaces is not None and found is not None:
            self._write(attrs.evolve(found, lease_until=0.0))
        return super().claim(fresh, replaces=replaces, **options)


class ScansUnordered(MemoryStore):
    """Lists records as they came."""

    def scan(self, *, state=None, after="", limit=100):
        return [
            record
            for record in self._records.values()
            if record.id > after and state in (None, record.state)
        ][:limit]


class ScansAnyState(MemoryStore):
    """Lists records in every state."""

    def scan(self, *, state=None, after="", limit=100):
        return super().scan(after=after, limit=limit)


class SweepsLeased(MemoryStore):
    """Sweeps what somebody is at."""

    def sweep(self, *, now, limit=500):
        for record in self.scan(limit=1_000):
            self._write(attrs.evolve(record, lease_until=0.0))
        return super().sweep(now=now, limit=limit)


class SweepsUnexpired(MemoryStore):
    """Sweeps what is settled for all it knows."""

    def sweep(self, *, now, limit=500):
        for record in self.scan(limit=1_000):
            self._write(attrs.evolve(record, expires=0.0))
        return super().sweep(now=now, limit=limit)


class SweepsWithoutEnd(MemoryStore):
    """Sweeps everything at one go."""

    def sweep(self, *, now, limit=500):
        return super().sweep(now=now)


class FoldsCase(MemoryStore):
    """Takes ids for the same that differ in case."""

    def claim(self, fresh, **options):
        for record in self.scan(limit=1_000):
            if record.id.casefold() == fresh.id.casefold():
                fresh = attrs.evolve(fresh, id=record.id)
        return super().claim(fresh, **options)


class CutsAtNul(MemoryStore):
    """Ends ids at a NUL, as C does."""

    def claim(self, fresh, **options):
        cut = attrs.evolve(fresh, id=fresh.id.partition("\0")[0])
        return super().claim(cut, **options)


class CutsData(MemoryStore):
    """Holds 64 KiB of data and drops the rest."""

    def claim(self, fresh, **options):
        cut = attrs.evolve(fresh, data=fresh.data[: 64 * 1024])
        return super().claim(cut, **options)


class LooksThenLeaps(MemoryStore):
    """Looks whether there is a record, and writes a while later."""

    def claim(self, fresh, *, now, lease, take=("open",), replaces=None):
        found = self.get(fresh.id)
        if found is not None:
            return super().claim(
                fresh, now=now, lease=lease, take=take, replaces=replaces
            )
        time.sleep(0.001)  # a round trip
        token = 1 if replaces is None else replaces + 1
        made = attrs.evolve(fresh, token=token, lease_until=now + lease)
        self._write(made)
        return Claim(made, taken=True, fresh=True)


class TakesWithoutLock(MemoryStore):
    """Lets all take over that look at the same time."""

    def claim(self, fresh, **options):
        found = self.get(fresh.id)
        claim = super().claim(fresh, **options)
        if claim.taken and not claim.fresh:
            time.sleep(0.001)
            with self._lock:
                self._write(attrs.evolve(found))
        return claim


class CompletesWhenClosed(SQLiteStore):
    """Writes completions when it is closed, and shows them only itself."""

    def __init__(self, path):
        super().__init__(path)
        self._late = {}

    def get(self, id):
        return self._late.get(id) or super().get(id)

    def complete(self, id, token, *, state, data, now, **options):
        self._late[id] = attrs.evolve(
            super().get(id), state=state, data=data, lease_until=0.0
        )
        return self._late[id]


class LosesCompletions(SQLiteStore):
    """Tells that an answer is written, and rolls it back."""

    def complete(self, id, token, **written):
        before = self.get(id)
        done = super().complete(id, token, **written)
        super().complete(
            id, token, state=before.state, data=before.data, now=written["now"]
        )
        return done


class OneFailsAll(SQLiteStore):
    """Tells everybody of a late owner's error."""

    def do_all(self, completions, asks):
        done = super().do_all(completions, asks)
        for error in done.completions:
            if error is not None:
                raise error
        return done


class BothAreFresh(SQLiteStore):
    """Gives two who ask for one operation at once a claim each."""

    def do_all(self, completions, asks):
        done = super().do_all(completions, asks)
        fresh = {each.record.id: each for each in done.claims if each.fresh}
        claims = [fresh.get(each.record.id, each) for each in done.claims]
        return attrs.evolve(done, claims=claims)


class MixesClaimsUp(SQLiteStore):
    """Gives claims in the order of their ids."""

    def do_all(self, completions, asks):
        done = super().do_all(completions, asks)
        claims = sorted(done.claims, key=lambda each: each.record.id)
        return attrs.evolve(done, claims=claims)


class CompletesLast(SQLiteStore):
    """Claims before it completes."""

    def do_all(self, completions, asks):
        claims = super().do_all([], asks).claims
        return attrs.evolve(super().do_all(completions, []), claims=claims)


class LooksThenLeapsOften(SQLiteStore):
    """Tells by an earlier look whether what it claims at once is new."""

    def do_all(self, completions, asks):
        new = [self.get(each.fresh.id) is None for each in asks]
        time.sleep(0.01)
        done = super().do_all(completions, asks)
        claims = [
            attrs.evolve(claim, fresh=claim.fresh or was_new)
            for claim, was_new in zip(done.claims, new, strict=True)
        ]
        return attrs.evolve(done, claims=claims)


class NeedsSomething(SQLiteStore):
    """Cannot be asked for nothing."""

    def do_all(self, completions, asks):
        assert [*completions, *asks]
        return super().do_all(completions, asks)


# Each with tests that must fail for it.
BROKEN = {
    LastKeyWins: {"test_the_recorded_wins", "test_threads_claim_many"},
    TellsOwnKey: {"test_the_recorded_wins", "test_threads_claim_one"},
    IgnoresLease: {"test_a_lease_is_respected", "test_threads_claim_one"},
    EndsLeaseTooLate: {"test_a_lease_ends_on_time"},
    EndsLeaseTooEarly: {"test_a_lease_is_respected", "test_new"},
    TakesAnyState: {"test_take"},
    KeepsToken: {"test_a_late_owner_is_refused", "test_the_recorded_wins"},
    TakesNoFreshToken: {"test_replaces", "test_replaces_what_is_gone"},
    LateOwnerCompletes: {"test_a_late_owner_is_refused"},
    LateOwnerReleases: {"test_a_late_owner_releases_nothing"},
    ReleaseForgets: {"test_release"},
    CompleteLosesData: {"test_complete", "test_big"},
    CompleteKeepsLease: {"test_complete", "test_take"},
    ReplacesIgnoresToken: {"test_replaces"},
    ReplacesWhatIsHeld: {"test_replaces_nothing_that_is_held"},
    ScansUnordered: {"test_scan"},
    ScansAnyState: {"test_scan"},
    SweepsLeased: {"test_sweep"},
    SweepsUnexpired: {"test_sweep"},
    SweepsWithoutEnd: {"test_sweep_is_bounded"},
    FoldsCase: {"test_ids_do_not_mix"},
    CutsAtNul: {"test_nul"},
    CutsData: {"test_big"},
    LooksThenLeaps: {"test_threads_claim_one"},
    TakesWithoutLock: {"test_threads_take_one"},
    CompletesWhenClosed: {"test_another_handle", "test_after_closing"},
    LosesCompletions: {"test_complete", "test_another_handle"},
    OneFailsAll: {"test_several"},
    BothAreFresh: {"test_several"},
    MixesClaimsUp: {"test_several"},
    CompletesLast: {"test_several_replace"},
    LooksThenLeapsOften: {"test_threads_claim_several"},
    NeedsSomething: {"test_several_nothing"},
}
