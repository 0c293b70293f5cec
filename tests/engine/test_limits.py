"""What ends an operation: attempts, deadline, budget, retention, vouching."""

from __future__ import annotations

import httpx
import pytest
import tenacity

from paper import Paper, answer, lost, refused

import samekey

from samekey._effects import Drain, Peek, Read, Send, Sleep


IN_FLIGHT = b'{"code": "idempotency_key_in_use"}'


def ended(paper: Paper, **options: object) -> samekey.GaveUp:
    with pytest.raises(samekey.GaveUp) as caught:
        paper.post(**options)
    return caught.value


def test_a_first_try_asks_for_a_send_and_a_read():
    """Nothing else happens when nothing fails."""
    paper = Paper(answer(201))

    paper.post()

    assert [type(e) for e in paper.effects] == [Send, Read]


def test_one_key_over_all_attempts():
    """A timeout, a 503 and a 201 carry one key; the next call another."""
    paper = Paper(lost(), answer(503), answer(201), answer(201))

    paper.post()
    paper.post()

    assert len(set(paper.keys[:3])) == 1
    assert paper.keys[3] not in paper.keys[:3]


def test_a_failed_answer_is_drained_before_the_next_attempt():
    """The connection of a 503 is given back before the wait."""
    paper = Paper(answer(503), answer(200))

    paper.post()

    assert [type(e) for e in paper.effects] == [Send, Drain, Sleep, Send, Read]


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_attempts_count_the_first_one_too(attempts):
    """attempts=N sends N times."""
    paper = Paper(*[lost()] * attempts)

    exc = ended(paper, policy=samekey.RetryPolicy(attempts=attempts))

    assert exc.reason == "attempts"
    assert len(exc.report.attempts) == attempts
    assert paper.steps == []


def test_default_waits():
    """After an unknown result at least half of 1 s doubling; else jitter."""
    unknown = Paper(lost(), lost(), lost(), answer(200), random=lambda: 0.0)
    status = Paper(answer(503), answer(503), answer(503), answer(200))
    longest = Paper(lost(), lost(), lost(), answer(200), random=lambda: 1.0)

    for paper in (unknown, status, longest):
        paper.post()

    assert unknown.slept == [0.5, 1.0, 2.0]
    assert status.slept == [0.25, 0.5, 1.0]
    assert longest.slept == [1.0, 2.0, 4.0]


def test_the_deadline_ends_it_before_a_wait_that_would_pass_it():
    """No sleep begins that leaves under 50 ms for the attempt after it."""
    policy = samekey.RetryPolicy(
        attempts=10, wait=tenacity.wait_fixed(1.0), deadline=3.04
    )
    paper = Paper(*[answer(503)] * 10)

    exc = ended(paper, policy=policy)

    assert exc.reason == "deadline"
    assert paper.slept == [1.0, 1.0]


def test_default_deadline_is_a_minute():
    """With httpx timeouts of 5 s an operation ends within 60 s."""
    policy = samekey.RetryPolicy(attempts=99, wait=tenacity.wait_fixed(10))
    paper = Paper(*[lost(seconds=5.0)] * 99)

    exc = ended(paper, policy=policy)

    assert exc.reason == "deadline"
    assert paper.clock() - 1_000 <= 60


def test_a_longer_timeout_makes_a_longer_default_deadline():
    """A request whose read timeout is 300 s may use them."""
    slow = {"connect": 5.0, "read": 300.0, "write": 5.0, "pool": 5.0}
    policy = samekey.RetryPolicy(attempts=99, wait=tenacity.wait_fixed(50))
    paper = Paper(*[answer(503)] * 99)

    ended(paper, policy=policy, timeout=slow)

    assert sum(paper.slept) == 250


@pytest.mark.parametrize("deadline", [None, "default"])
def test_no_timeout_no_default_deadline(deadline):
    """A timeout of None sets no deadline, and neither does deadline=None."""
    none = {"connect": 5.0, "read": None, "write": 5.0, "pool": 5.0}
    options = {"deadline": None} if deadline is None else {}
    policy = samekey.RetryPolicy(
        attempts=5, wait=tenacity.wait_fixed(100), **options
    )
    paper = Paper(*[answer(503)] * 5)

    exc = ended(paper, policy=policy, timeout=none)

    assert exc.reason == "attempts"


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "-1"}, 0.25),
        ({"Retry-After": "nan"}, 0.25),
    ],
)
def test_retry_after_is_a_minimum(headers, waited):
    """The server's wish is never shortened, and rubbish is no wish."""
    paper = Paper(answer(429, headers=headers), answer(200))

    paper.post()

    assert paper.slept == [waited]


def test_retry_after_past_the_deadline_ends_it_now():
    """An operation does not sleep towards a deadline that it cannot meet."""
    paper = Paper(answer(503, headers={"Retry-After": "600"}))

    exc = ended(paper)

    assert exc.reason == "deadline"
    assert paper.slept == []


def test_without_a_deadline_a_year_is_not_waited_for():
    """deadline=None does not let a server park a thread for a year."""
    policy = samekey.RetryPolicy(deadline=None)
    paper = Paper(answer(503, headers={"Retry-After": "31536000"}))

    assert ended(paper, policy=policy).reason == "deadline"


def test_an_empty_budget_ends_it():
    """A resend takes a token; the first send takes none."""
    budget = samekey.RetryBudget(capacity=1, start=1, per_success=0)
    paper = Paper(lost(), lost(), lost(), budget=budget)

    assert len(ended(paper).report.attempts) == 2
    exc = ended(paper)

    assert len(exc.report.attempts) == 1
    assert exc.reason == "budget"


def test_a_refused_connection_takes_a_token_too():
    """What was never sent is not free to repeat."""
    budget = samekey.RetryBudget(capacity=1, start=1, per_success=0)
    paper = Paper(refused(), refused(), budget=budget)

    exc = ended(paper)

    assert isinstance(exc, samekey.NotExecuted)
    assert exc.reason == "budget"


def test_retention_ends_it():
    """Nothing is sent again once the server may have forgotten the key."""
    policy = samekey.RetryPolicy(
        attempts=9, wait=tenacity.wait_fixed(4), deadline=500
    )
    paper = Paper(*[lost()] * 9, retention=10.0)

    exc = ended(paper, policy=policy)

    assert exc.reason == "retention"
    assert len(exc.report.attempts) == 3


def test_retention_does_not_matter_without_a_key():
    """A GET has no key that could be forgotten."""
    policy = samekey.RetryPolicy(
        attempts=4, wait=tenacity.wait_fixed(4), deadline=500
    )
    paper = Paper(*[lost()] * 4, retention=1.0)

    assert ended(paper, method="GET", policy=policy).reason == "attempts"


def test_elsewhere_only_what_was_not_sent_is_sent_again():
    """A host that nobody vouched for may not know keys."""
    away = {"origins": ["https://other.example.com"]}
    doubtful = Paper(lost(), **away)
    harmless = Paper(refused(), refused(), answer(201), **away)

    assert ended(doubtful).reason == "unvouched"
    assert harmless.post().status_code == 201


def test_elsewhere_a_get_is_retried():
    """An idempotent method needs nobody to vouch for it."""
    paper = Paper(lost(), answer(200), origins=["https://other.example.com"])

    assert paper.post(method="GET").status_code == 200


def test_a_token_request_gets_no_key_and_no_resend():
    """Replaying a rotating refresh token would lock the user out."""
    paper = Paper(lost())
    call = paper.open()
    request = httpx.Request(
        "POST", "https://x.example/token", data={"grant_type": "refresh_token"}
    )
    call = samekey._door.open_call(paper.terms, httpx, request)

    with pytest.raises(samekey.InDoubt) as caught:
        paper.run(call)

    assert call.key is None
    assert caught.value.reason == "unkeyed"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"grant_type": "x"}'),
        ("application/x-www-form-urlencoded", b"x=grant_type"),
        ("application/x-www-form-urlencoded", b"my_grant_type=1"),
    ],
)
def test_what_only_looks_like_a_token_request_gets_a_key(kind, body):
    """The words grant_type in a body are not yet a token request."""
    request = httpx.Request(
        "POST",
        "https://x.example",
        content=body,
        headers={"Content-Type": kind},
    )

    call = samekey._door.open_call(Paper().terms, httpx, request)

    assert call.key is not None


class TestInFlight:
    """Answers that say: the first request under this key still runs."""

    def test_is_polled_under_the_same_key(self):
        """The wait is half a second doubling to five, whatever wait= says."""
        policy = samekey.RetryPolicy(attempts=2, wait=tenacity.wait_none())
        busy = [answer(409, body=IN_FLIGHT)] * 6
        paper = Paper(lost(), *busy, answer(201))

        response = paper.post(policy=policy)

        assert response.status_code == 201
        assert paper.slept == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
        assert len(samekey.report(response).attempts) == 8
        assert len(set(paper.keys)) == 1

    def test_takes_no_token(self):
        """Polls are not resends."""
        budget = samekey.RetryBudget(capacity=1, start=0, per_success=0)
        paper = Paper(answer(409, body=IN_FLIGHT), answer(201), budget=budget)

        assert paper.post().status_code == 201

    def test_until_the_deadline(self):
        """A key that stays locked ends in doubt, and says why."""
        policy = samekey.RetryPolicy(deadline=10)
        paper = Paper(*[answer(409, body=IN_FLIGHT)] * 20)

        exc = ended(paper, policy=policy)

        assert isinstance(exc, samekey.InDoubt)
        assert exc.reason == "in_flight"

    def test_a_poll_answered_otherwise_is_an_attempt(self):
        """A 503 to a poll counts, so that attempts=2 ends there."""
        policy = samekey.RetryPolicy(attempts=2)
        paper = Paper(answer(409, body=IN_FLIGHT), answer(503))

        assert ended(paper, policy=policy).reason == "attempts"

    def test_with_retry_after(self):
        """A 409 with Retry-After says so by its head."""
        paper = Paper(answer(409, headers={"Retry-After": "3"}), answer(201))

        paper.post()

        assert paper.slept == [3.0]

    def test_after_doubt(self):
        """After a timeout, a bare 409 is most likely our own request."""
        paper = Paper(lost(), answer(409), answer(201))

        assert paper.post().status_code == 201

    def test_another_409_is_an_answer(self):
        """A conflict of another kind is returned, and not asked again."""
        paper = Paper(answer(409, body=b'{"code": "out_of_stock"}'))

        assert paper.post().status_code == 409

    def test_unread_is_looked_at(self):
        """A streamed answer is looked at without being read."""
        paper = Paper(answer(409, body=IN_FLIGHT), answer(201))

        paper.post(unread=True)

        assert [type(e) for e in paper.effects] == [
            Send,
            Peek,
            Drain,
            Sleep,
            Send,
        ]

    def test_a_look_that_breaks_is_a_lost_body(self):
        """If the body breaks while it is looked at, it is asked for again."""
        torn = answer(422, body=IN_FLIGHT, breaks=httpx.ReadError("torn"))
        paper = Paper(torn, answer(422))

        assert paper.post(unread=True).status_code == 422


class TestStrategies:
    """tenacity's part."""

    def test_retry_adds_a_retry(self):
        """`retry=` may ask for more than the defaults."""
        policy = samekey.RetryPolicy(
            retry=tenacity.retry_if_result(lambda r: r.status_code == 202)
        )
        paper = Paper(answer(202), answer(202), answer(200))

        assert paper.post(policy=policy).status_code == 200

    def test_retry_sees_the_exception(self):
        """A strategy over exceptions sees the attempt's own."""
        seen = []
        policy = samekey.RetryPolicy(
            attempts=2, retry=lambda s: seen.append(s.outcome.exception())
        )
        paper = Paper(answer(404, breaks=httpx.ReadError("x")), answer(404))

        paper.post(policy=policy)

        assert [type(exc) for exc in seen] == [type(None)]

    def test_retry_cannot_veto(self):
        """A strategy that says no does not stop the default retries."""
        policy = samekey.RetryPolicy(retry=tenacity.retry_never)
        paper = Paper(lost(), answer(201))

        assert paper.post(policy=policy).status_code == 201

    @pytest.mark.parametrize(
        "last",
        [
            answer(500, headers={"Idempotency-Replayed": "true"}),
            answer(422, body=b'{"code": "idempotency_key_mismatch"}'),
        ],
    )
    def test_retry_cannot_ask_a_recorded_answer_again(self, last):
        """What the server has settled is not asked for again."""
        policy = samekey.RetryPolicy(retry=tenacity.retry_always)
        paper = Paper(last)

        with pytest.raises(samekey.SamekeyError):
            paper.post(policy=policy)

        assert len(paper.keys) == 1

    def test_retry_cannot_make_an_unvouched_resend(self):
        """`retry=` does not make a host keep keys."""
        policy = samekey.RetryPolicy(retry=tenacity.retry_always)
        paper = Paper(answer(404), origins=["https://other.example.com"])

        assert paper.post(policy=policy).status_code == 404

    def test_statuses_replaces_the_set(self):
        """Only what is listed is retried; the meaning stays."""
        policy = samekey.RetryPolicy(statuses={418})
        paper = Paper(answer(418), answer(500))

        exc = ended(paper, policy=policy)

        assert isinstance(exc, samekey.InDoubt)
        assert exc.reason == "status"

    def test_a_wait_that_is_no_time_goes_up_with_the_report(self):
        """A broken strategy is the user's error, and the doubt is told."""
        policy = samekey.RetryPolicy(wait=lambda state: float("nan"))
        paper = Paper(lost())

        with pytest.raises(
            ValueError,
            match=r"^wait must give a time of at least 0, got nan\n",
        ) as caught:
            paper.post(policy=policy)

        assert samekey.report(caught.value).outcome == "in_doubt"

    def test_infinite_waits_fit_no_deadline(self):
        """tenacity can say: never."""
        policy = samekey.RetryPolicy(
            wait=lambda state: float("inf"), deadline=None
        )

        assert ended(Paper(lost()), policy=policy).reason == "deadline"

    def test_the_state_is_filled(self):
        """Strategies see numbers and times of the operation."""
        seen = []

        def wait(state):
            seen.append(
                (
                    state.attempt_number,
                    state.seconds_since_start,
                    state.idle_for,
                    state.upcoming_sleep,
                )
            )
            return 2.0

        paper = Paper(lost(seconds=1), lost(seconds=1), answer(200))

        paper.post(policy=samekey.RetryPolicy(wait=wait))

        assert seen == [(1, 1.0, 0.0, 0.0), (2, 4.0, 2.0, 2.0)]


def test_a_head_that_could_not_be_written_is_no_proof():
    """Only h11's own refusal shows that nothing was written."""
    evidence = samekey._verdict.Evidence()

    evidence.listen(
        "http11.send_request_headers.failed", {"exception": OSError()}
    )

    assert not evidence.refused
