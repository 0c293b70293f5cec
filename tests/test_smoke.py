import samekey
import samekey.profiles

from samekey.testing import Fault, PaymentServer


def test_one_key(kind):
    with (
        PaymentServer([Fault.lose_answer(), Fault.status(503)]) as server,
        kind.open(base_url=server.url) as s,
    ):
        r = s.post(
            "/payments", json={"amount": 500, "card": "tok"}, operation="o"
        )
        assert r.status_code == 201
        assert samekey.report(r).replayed == "server"
        assert len(server.app.ledger()) == 1
        assert len({q.key for q in server.requests}) == 1
        assert len(server.requests) == 3


def test_profiles_are_there():
    assert "stripe_v1" in {p.name for p in samekey.profiles.shipped()}
