"""
The state of one operation while it is sent.

It lives in `request.extensions["samekey"]`, which httpx carries over
redirects and auth re-sends, and afterwards on the response or the exception,
where `report` finds it. What a report needs is computed when it is asked for.
"""

from __future__ import annotations

import math
import weakref

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from samekey._headers import Field
from samekey._library import Module, Request, origin
from samekey._memory import Entry
from samekey._outcome import (
    Past,
    Row,
    decide,
    table_for,
)
from samekey._policy import DEFAULT, DEFAULT_DEADLINE, RetryPolicy
from samekey._pristine import Pristine
from samekey._report import Attempt, Outcome, Report, Verdict
from samekey._slots import Placed
from samekey._strategies import StrategyCaller
from samekey._terms import Terms
from samekey._verdict import Evidence
from samekey.keys import Operation
from samekey.profiles import Profile


if TYPE_CHECKING:
    from samekey._intent import Begun
    from samekey.hooks import About


class _Timed:
    """A time that is worked out when it is first asked for."""

    def __set_name__(self, owner: type[Call], name: str) -> None:
        self._name = name

    def __get__(self, call: Call, owner: type[Call]) -> object:
        # From now on the attributes of the instance go before this.
        call.set_deadline()
        return getattr(call, self._name)


class Call:
    """
    One operation: what is fixed, and what has happened.

    Most fields stay at the defaults of the class: a first try that succeeds
    pays for what it uses. What has not changed is not set, either: with
    thirty names or more, CPython gives an object a table of its own.
    """

    # Fixed when it is opened.
    key: str | None = None
    operation: Operation | None = None
    theirs = False  # the key is the user's
    in_header = False  # it came as a header
    spoiled = False  # its body broke while it was read into bytes
    freezes = False  # its body is still to be read into bytes
    replayable = True  # its body can be sent again
    guarded = False  # it is resent only if it was certainly not sent
    unread = False  # the answer is handed out with its body unread
    follows = False  # same-origin 307 and 308 are followed here
    returns_doubt = False  # a doubtful status is returned, not raised
    is_transport = False
    hopping = False  # this is a hop of a redirect
    bare = False  # this hop of a redirect goes without the key
    indirect = False  # there is more to it than a send with a header
    placed: Placed | None = None  # how it carries the key, if by more
    begun_as: Begun | None = None  # what the journal said to it
    left = False  # it was left while the journal was at it
    from_journal: Report | None = None  # the report that the journal had
    before: tuple[Attempt, ...] = ()  # what the journal has of other calls
    recorded = 0  # how many of its attempts the journal has
    said: Any = None  # what fingerprint= made of it before it had its key
    seen: bytes | None = None  # an unread body that was looked at
    unrecorded: str | None = None  # why the journal does not know how it went
    wanting = False  # only the user can have put a key on it
    keyed = True  # its method gets a key without being asked
    trusted: bool | None = None  # whether its profile vouches for the host
    max_redirects = 0
    options: Mapping[str, Any] = MappingProxyType({})  # of the client's send

    if TYPE_CHECKING:
        deadline: float | None
        lowers_from: float
    else:
        # When it must be over, by the clock; None if it has no deadline.
        deadline = _Timed()
        # When its httpx timeouts begin to reach beyond that.
        lowers_from = _Timed()

    # What has happened.
    evidence: Evidence | None = None
    attempts: list[Evidence] | None = None  # before the current one
    _earlier: Past | None = None  # what was known before them
    entry: Entry | None = None
    enrolled = False  # it is one of the calls of its entry that are under way
    counted = 0  # attempts that count against the policy's
    polls = 0  # in a row
    waited = 0.0
    decided = 0.0  # when it was clear what follows the latest attempt
    first_sent: float | None = None
    first_sent_wall = 0.0
    outcome = Outcome.OPEN
    doubt: object = None  # exception or response of the latest doubtful one
    strategies: StrategyCaller | None = None
    restores = False  # auth or hooks may change the request
    pristine: Pristine | None = None  # the request before they did
    lowered = False  # the httpx timeouts of the present send
    active = False
    timeouts: dict[str, float | None] | None = None  # of the present send
    extensions: Any = None  # the request's own; a send has others on it
    client: Any = None  # whose home is vouched for
    about: About | None = None  # what hooks are told that it is
    heard = 0  # attempts that the hooks have heard of
    closed = 0  # and how many there were at the last outcome they heard of
    _origin: tuple[str, str, int | None] | None = None
    _report: Report | None = None
    _home: Callable[[], Any] | None = None

    def __init__(
        self,
        request: Request,
        library: Module,
        terms: Terms,
        policy: RetryPolicy,
        profile: Profile,
    ) -> None:
        self.request: Any = request
        self.opened: Any = request
        self.library = library
        self.terms = terms
        self.policy = policy
        self.profile = profile
        self.method = request.method
        self.url = request.url
        self.started = terms.time.clock()

    @property
    def header(self) -> Field:
        """The field that carries the key."""
        return self.profile.header

    def __reduce__(self) -> tuple[Any, ...]:
        # What carries an operation can be pickled, and forgets it then.
        return _forgotten, ()

    def is_for(self, request: Request) -> bool:
        """Tell whether it was opened for this very request."""
        opened = self.opened
        if opened is None and self._home is not None:
            opened = self._home()
        return opened is request

    def release(self) -> None:
        """
        Let go of the request, which holds us, once it has been answered.

        A circle of the two would keep every body until the next collection.
        """
        if self.lowered:
            self._let_read()
        self._home = weakref.ref(self.opened)
        self.request = self.opened = self.timeouts = self.extensions = None
        self.active = False
        if self.attempts is not None:
            # Exceptions hold frames, and those the bodies.
            self.doubt = self.strategies = None

    def reclaim(self) -> bool:
        """Take the request back for one more send, if it is still there."""
        if self.opened is None and self._home is not None:
            self.opened = self._home()
        self.request = self.opened
        return self.opened is not None

    def rearm(self) -> None:
        """Start over with new attempts and a new deadline, same key."""
        self.started = self.terms.time.clock()
        self.counted = self.polls = 0
        self.waited = 0.0
        self.hopping = self.bare = False
        self.strategies = None
        self.begun_as = self.seen = self.unrecorded = None
        self.from_journal = None
        self.left = False
        self.set_deadline()
        self.reopen()

    def reopen(self) -> None:
        """Note that an operation that had ended goes on."""
        self.outcome = Outcome.OPEN
        self._report = None

    def forget_report(self) -> None:
        """Note that there is more to tell."""
        self._report = None

    def lost_in_hand(self, error: str) -> None:
        """Note that the body broke while the user read it."""
        evidence = self.begun()
        evidence.lost = True
        evidence.error = error
        self._report = None

    def begin(self, now: float) -> None:
        """Start an attempt."""
        last = self.evidence
        if last is not None:
            # An attempt of the past; exceptions hold frames.
            if last.failure is not None:
                last.failure = None
            if last.body_failure is not None:
                last.body_failure = None
            if self.attempts is None:
                self.attempts = [last]
            else:
                self.attempts.append(last)
        if self.seen is not None:
            self.seen = None  # another answer's
        evidence = self.evidence = Evidence()
        evidence.started = now
        if self.first_sent is None:
            self.first_sent = now
            self.first_sent_wall = self.terms.time.wall()
        if last is None:
            self.counted = 1
        else:
            evidence.waited = self.waited
            if self.polls > 0:
                evidence.poll = True
            else:
                self.counted += 1

    def begun(self) -> Evidence:
        """Give the attempt that is under way."""
        assert self.evidence is not None
        return self.evidence

    @property
    def past(self) -> Past | None:
        """What the attempts before the current one add up to."""
        # Added up when it is asked for: where a resend is answered, never.
        earlier = self._earlier
        if self.attempts is None:
            return earlier
        past = Past() if earlier is None else earlier.copy()
        for evidence in self.attempts:
            past.add(evidence)
        return past

    @past.setter
    def past(self, past: Past) -> None:
        self._earlier = past

    def remember(self) -> None:
        """Note that more than its attempts may have acted."""
        earlier = self._earlier
        self._earlier = earlier = Past() if earlier is None else earlier.copy()
        earlier.remembered = True

    def finish(self) -> None:
        """Note that it is over, for now."""
        if self.lowered:
            self._let_read()
        self.active = False
        self.timeouts = None
        entry = self.entry
        if entry is not None:
            before = self.past
            past = Past() if before is None else before.copy()
            past.add(self.begun())
            entry.doubtful = entry.doubtful or past.doubtful
            entry.settled = entry.settled or past.settled
            entry.touched = entry.touched or past.touched
            entry.failed = entry.failed or past.failed
            entry.report = self.report()
            self.withdraw()

    def _let_read(self) -> None:
        """Give the user's own timeouts to who reads the body by himself."""
        timeouts, own = self.timeouts, self.extensions
        if self.unread and timeouts is not None and own is not None:
            timeouts.clear()
            timeouts.update(own.get("timeout") or {})
        self.lowered = False

    def withdraw(self) -> None:
        """Note that it is not under way any more."""
        if self.enrolled:
            assert self.entry is not None
            self.enrolled = False
            self.terms.memory.leave(self.entry)

    def may_have_acted(self) -> bool:
        """Tell whether one of its sends was doubtful, or settled it."""
        past = self.history()
        return past.doubtful or past.settled

    def history(self) -> Past:
        """Add up all that is known of its sends, the latest one too."""
        past = self.past
        past = Past() if past is None else past.copy()
        if self.evidence is not None:
            past.add(self.evidence)
        return self._with_others(past)

    def _with_others(self, past: Past) -> Past:
        """Add what others have seen since this one began."""
        entry = self.entry
        if entry is None:
            return past
        past = past.copy()
        entry.add_to(past, alone=entry.under_way <= self.enrolled)
        return past

    @property
    def origin(self) -> tuple[str, str, int | None]:
        """Scheme, host and port of its URL."""
        found = self._origin
        if found is None:
            found = self._origin = origin(self.url)
        return found

    def vouched(self) -> bool:
        """Tell whether somebody vouched that the host keeps keys."""
        terms = self.terms
        if self.trusted is not None:
            return self.trusted or terms.names(self.origin)
        client = self.client
        home = None if client is None else client._samekey.home(client)
        if home is None and terms.origins is None:
            return True
        return self.origin == home or terms.vouches(self.origin, home)

    def age(self, at: float) -> float:
        """Give the seconds from the first send to the clock's *at*."""
        first_sent = self.first_sent
        if first_sent is None:
            return 0.0
        terms = self.terms
        wall_at = terms.time.wall() + at - terms.time.clock()
        # The longer of the two: one stops in suspend, one can be set back.
        return max(at - first_sent, wall_at - self.first_sent_wall)

    def set_deadline(self) -> None:
        """Work out when it must be over."""
        timeouts = self.request.extensions.get("timeout")
        longest: float | None
        try:
            longest = max(
                timeouts["connect"],
                timeouts["read"],
                timeouts["write"],
                timeouts["pool"],
            )
        except (TypeError, KeyError):  # one is None, or is not there
            longest = None
        seconds: Any = self.policy.deadline
        if seconds is DEFAULT and longest is not None:
            seconds = max(DEFAULT_DEADLINE, longest)
        if seconds is DEFAULT or seconds is None:
            self.deadline = None
            self.lowers_from = math.inf
        else:
            self.deadline = deadline = self.started + seconds
            self.lowers_from = (
                -math.inf if longest is None else deadline - longest
            )

    def row(self) -> Row:
        """Find the row of the outcome table that holds now."""
        assert self.evidence is not None
        past = self.past
        if past is None:
            past = Past()
        return self._row(self._with_others(past), self.evidence)

    def row_unsent(self) -> Row:
        """Find the row that holds where nothing more is sent."""
        last = Evidence()
        last.verdict = Verdict.NOT_SENT
        return self._row(self.history(), last)

    def _row(self, past: Past, last: Evidence) -> Row:
        method = self.method
        if self.key is not None and method in (
            self.profile.match.methods or ()
        ):
            # An API that wants a key on a GET has it do something.
            method = "DELETE" if method == "DELETE" else "POST"
        return decide(table_for(method), past, last)

    @property
    def retention(self) -> float:
        """For how many seconds the server is relied on to know the key."""
        stated = self.terms.retention
        return self.profile.memory if stated is None else stated

    def report(self) -> Report:
        """Tell what is known; the same values each time once it has ended."""
        if self._report is not None:
            return self._report
        terms = self.terms
        offset = terms.time.wall() - terms.time.clock()
        seen = list(self.attempts or ())
        evidence = self.evidence
        if evidence is not None:
            seen.append(evidence)
        operation = self.operation
        before = self.from_journal
        if before is not None:
            name = None if operation is None else operation.id
            self._report = attrs.evolve(
                before, operation=name, replayed="journal"
            )
            return self._report
        report = Report(
            key=self.key,
            operation=None if operation is None else operation.id,
            generation=1 if operation is None else operation.generation,
            outcome=self.outcome,
            attempts=(
                *self.before,
                *(
                    one.attempt(number, offset)
                    for number, one in enumerate(
                        seen, start=len(self.before) + 1
                    )
                ),
            ),
            replayed="server" if self._replayed() else None,
            already_done=evidence is not None and evidence.done,
            resource_id=None if evidence is None else evidence.resource,
            unrecorded=self.unrecorded,
        )
        if self.outcome is not Outcome.OPEN:
            self._report = report
        return report

    def note_replay(self, headers: Mapping[str, str]) -> None:
        """Note whether the answer that is handed out is a recorded one."""
        evidence = self.evidence
        if evidence is None or evidence.replayed:
            return
        if self.profile.is_replay(headers):
            evidence.replayed = True
            self._report = None

    def _replayed(self) -> bool:
        return self.evidence is not None and self.evidence.replayed


def _forgotten() -> None:
    """Stand for an operation that was pickled."""
