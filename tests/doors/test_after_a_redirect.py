"""What a redirect has answered is not called not executed by what comes after."""

import pytest

from kinds import fast

import samekey


URL = "https://api.example.com/payments"


def api(kind, *, status=303, last=429):
    """Do it, and show where to look; then say: not now."""

    def answering(request):
        done = request.url.path == "/payments"
        headers = {"Location": "/receipt"} if done else {}
        return kind.module.Response(status if done else last, headers=headers)

    return kind.module.MockTransport(answering)


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("status", [301, 302, 303])
def test_not_now(kind, status, attempts):
    """A 429 for the receipt does not say that there is none."""
    if kind.door == "client":
        # One without a key, which the library follows itself.
        method, options = "PUT", {"json": {}}
    else:
        method, options = "POST", {"json": {}, "operation": "order-1"}
    with kind.open(
        transport=api(kind, status=status),
        terms={"policy": fast(attempts=attempts)},
        follow_redirects=True,
    ) as session:
        response = session.request(method, URL, **options)

    assert 429 == response.status_code
    assert "answered" == samekey.report(response).outcome


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("name", [None, "order-1"])
def test_sent_on(kind, status, name):
    """
    A 307 or 308 has done nothing, where it is followed within an attempt.

    At a transport each hop is a call of the client's: nobody knows.
    """
    own = {} if name is None else {"operation": name}
    with kind.open(
        transport=api(kind, status=status),
        terms={"policy": fast(attempts=1)},
        follow_redirects=True,
    ) as session:
        if kind.door == "transport":
            with pytest.raises(samekey.InDoubt):
                session.post(URL, json={}, **own)
            return
        response = session.post(URL, json={}, **own)

    assert 429 == response.status_code
    assert "not_executed" == samekey.report(response).outcome
