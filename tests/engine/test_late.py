"""A wait that takes longer than it was asked to."""

from __future__ import annotations

import pytest

from paper import Paper, answer, lost

import samekey

from samekey.profiles import Answer, Profile


def slow(paper):
    """Let half a second pass before each wait, as on a busy machine."""

    def hook(event):
        if isinstance(event, samekey.hooks.RetryPlanned):
            paper.clock.now += 0.5

    return hook


def late(*steps, **terms):
    policy = samekey.RetryPolicy(deadline=2.0, wait=lambda state: 1.9)
    paper = Paper(*steps, policy=policy, hooks=[], **terms)
    hooks = (slow(paper),)
    object.__setattr__(paper.terms, "hooks", hooks)
    object.__setattr__(paper.terms, "special", True)
    return paper


@pytest.mark.parametrize("step", [lost(), answer(503)])
def test_no_attempt_starts_late(step):
    """What a wait took too long is not there for another attempt."""
    paper = late(step, answer(200))

    with pytest.raises(samekey.InDoubt) as caught:
        paper.post()

    assert "deadline" == caught.value.reason
    assert 1 == len(caught.value.report.attempts)


@pytest.mark.parametrize("unread", [True, False])
def test_what_was_drained_is_not_handed_out(unread):
    """An answer whose body is gone is no answer to give back."""
    paper = late(answer(503), answer(200))

    with pytest.raises(samekey.InDoubt) as caught:
        paper.post(unread=unread, returns_doubt=True)

    assert "deadline" == caught.value.reason
    assert 503 == caught.value.response.status_code


def test_no_poll_starts_late():
    """Nor for another look at what is still running."""
    profile = Profile(
        "api", in_flight=[Answer(status=409)], min_retry_delay=1.9
    )
    paper = late(answer(409), answer(200), profile=profile)

    with pytest.raises(samekey.InDoubt) as caught:
        paper.post()

    assert "in_flight" == caught.value.reason


def test_the_least_time_between_two_sends():
    """An API that wants a pause between sends of one key is given it."""
    profile = Profile("api", min_retry_delay=30.0)
    paper = Paper(lost(), answer(200), profile=profile)

    paper.post()

    assert [30.0] == paper.slept


def test_a_refused_answer_stays_refused():
    """What `verify=` did not take is not handed out for want of time."""
    paper = late(answer(200), answer(200), verify=lambda response: False)

    with pytest.raises(samekey.AnswerLost) as caught:
        paper.post()

    assert "deadline" == caught.value.reason
