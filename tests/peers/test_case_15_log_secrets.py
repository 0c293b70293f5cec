"""
Case 15: logs hold no arguments, no body, no whole key.

A retry layer that logs the call's arguments logs the card number with them.
Looked at here is all of a record that a handler can see: message, arguments,
and every extra; and what else ends up in logs, which is errors and reprs.
"""

import logging
import traceback

import httpx
import pytest

from kinds import fast

import samekey

from samekey.testing import Answer, Fault, FaultServer


CARD = "4242424242424242"
TOKEN = "sk_live_51HxyzSECRETtoken"
PASSWORD = "correct-horse-battery"
LONG_KEY = "order-1-" + "0123456789abcdef" * 3
SHORT_KEY = "jane-doe-17"
SECRETS = [CARD, "cvc-987", TOKEN, PASSWORD, "in-the-url", "in-the-answer"]
KEYS = [LONG_KEY[:-6], LONG_KEY[-7:], SHORT_KEY, SHORT_KEY[-6:]]
ECHO = b'{"card": "%b", "note": "in-the-answer"}' % CARD.encode()


def leaks(texts, secrets):
    """Give the secrets that stand in *texts*."""
    return sorted({s for s in secrets for text in texts if s in text})


def visible(records):
    """Write all that a handler can see of *records*."""
    formatter = logging.Formatter()
    return [
        text
        for record in records
        for text in (formatter.format(record), repr(vars(record)))
    ]


def ours(caplog):
    """Give samekey's own records."""
    return [r for r in caplog.records if r.name.split(".")[0] == "samekey"]


def pay(session, **options):
    """Pay with all that must not be logged."""
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Cookie": f"session={PASSWORD}",
    }
    return session.post(
        "/payments?token=in-the-url",
        json={"amount": 500, "card": CARD, "cvc": "cvc-987"},
        headers=headers,
        **options,
    )


REUSED = Fault.status(422, body=b'{"code": "idempotency_key_mismatch"}')
PAGE = Fault.status(503, body=ECHO)
SCRIPT = [
    *(REUSED, Fault.lose_answer(), PAGE, None),
    *(Fault.status(500, body=ECHO), Fault.lose_answer()) * 2,
    *(PAGE, PAGE, PAGE, PAGE),
    *[Fault.raw(ECHO + b"\r\n\r\n")] * 4,
    *[Fault.cut(20)] * 4,
]


@pytest.mark.parametrize("key", [LONG_KEY, SHORT_KEY], ids=["long", "short"])
def test_nothing_secret_is_logged_or_said(kind, key, caplog):
    """No record, error, note or repr shows what must not be seen."""
    caplog.set_level(logging.DEBUG, "samekey")
    said = []
    with (
        FaultServer(lambda _: Answer(201, body=ECHO), SCRIPT) as server,
        kind.open(base_url=server.url) as session,
    ):
        for _ in range(6):
            try:
                response = pay(session, idempotency_key=key)
                said.append(repr(samekey.report(response)))
            except (samekey.SamekeyError, kind.module.HTTPError) as exc:
                said += [str(exc), repr(exc), *getattr(exc, "__notes__", ())]
                said += traceback.format_exception_only(exc)
                said.append(repr(samekey.report(exc)))

    records = ours(caplog)
    assert len(records) >= 10
    assert [] == leaks(visible(records), SECRETS + KEYS)
    assert len(said) >= 6
    assert [] == leaks(said, SECRETS + KEYS)


def test_a_long_key_can_be_found_by_its_tail(kind, caplog):
    """The last six characters are there, to search for."""
    caplog.set_level(logging.DEBUG, "samekey")
    with (
        FaultServer(lambda _: Answer(201), [Fault.status(503)]) as server,
        kind.open(base_url=server.url) as session,
    ):
        pay(session, idempotency_key=LONG_KEY)

    (record,) = ours(caplog)
    assert LONG_KEY[-6:] in record.getMessage()
    assert f"…{LONG_KEY[-6:]}" == record.samekey_key


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_operation_ids_are_logged_at_debug_only(kind, level, caplog):
    """An operation id may name a person, so INFO does not show it."""
    caplog.set_level(level, "samekey")
    policy = fast(attempts=2)
    with (
        FaultServer(
            lambda _: Answer(201), [Fault.lose_answer()] * 2
        ) as server,
        kind.open(base_url=server.url, terms={"policy": policy}) as session,
        pytest.raises(samekey.InDoubt) as caught,
    ):
        pay(session, operation=("customer", "jane.doe", "charge"))

    found = leaks(visible(ours(caplog)), ["jane.doe"])
    assert (["jane.doe"] if logging.DEBUG == level else []) == found
    assert [] == leaks([str(caught.value), repr(caught.value)], ["jane.doe"])
    assert [] == leaks(caught.value.__notes__, ["jane.doe"])
    assert [] == leaks([repr(caught.value.report)], ["jane.doe"])


def test_a_refused_key_is_not_repeated_in_the_error():
    """What is wrong with a key is said without showing it."""
    key = f"{LONG_KEY} "
    with (
        samekey.wrap(httpx.Client(trust_env=False)) as client,
        pytest.raises(samekey.InvalidKey) as caught,
    ):
        client.post("http://localhost/", idempotency_key=key)

    assert [] == leaks([str(caught.value), repr(caught.value)], KEYS)


class TestTheChecker:
    """The check above sees the peers' mistake."""

    def test_reports_a_hook_that_logs_the_arguments(self, caplog):
        """A log line with the call's arguments is reported."""
        arguments = {"json": {"card": CARD}, "idempotency_key": LONG_KEY}
        logger = logging.getLogger("samekey.a_peer")
        logger.warning("retrying in 1 s", extra={"arguments": arguments})

        found = leaks(visible(ours(caplog)), SECRETS + KEYS)
        assert {CARD, LONG_KEY[:-6], LONG_KEY[-7:]} == set(found)
