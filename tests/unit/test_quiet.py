"""What is not logged where nobody listens."""

from __future__ import annotations

import logging

import pytest

from paper import Paper, answer

from samekey.profiles import Answer, Profile


@pytest.mark.parametrize(
    ("level", "told"), [(logging.WARNING, 1), (logging.ERROR, 0)]
)
def test_a_key_that_the_server_did_not_see(caplog, level, told):
    """A server that found no key is told of, from WARNING on."""
    profile = Profile("api", missing=[Answer(status=400, code="no_key")])
    paper = Paper(answer(400, body=b'{"code": "no_key"}'), profile=profile)

    with caplog.at_level(level, "samekey"):
        response = paper.post()

    assert 400 == response.status_code
    assert told == len(caplog.records)
    if told:
        assert "key_missing" == caplog.records[0].samekey_event
