"""
Let the business say what "once" means: an operation id.

You will see that the same id gives the same key on any machine, that two calls
under one id charge the card once, that a changed amount under the same id is
refused before anything is sent, and that a new generation is a deliberate new
charge.
"""

import samekey

from samekey.testing import PaymentServer


SECRET = b"from your secret store, 16 bytes or more"
ORDER = ("order", 123, "charge")


def main() -> None:
    with (
        PaymentServer() as server,
        samekey.Client(
            base_url=server.url, namespace="shop-live", secret=SECRET
        ) as client,
    ):
        charge = {"amount": 500, "card": "tok_visa", "reference": "order-123"}
        first = client.post("/payments", json=charge, operation=ORDER)
        second = client.post("/payments", json=charge, operation=ORDER)
        by_hand = samekey.derive_key(
            *ORDER, namespace="shop-live", secret=SECRET
        )
        print("derived by hand, the same:", by_hand == server.requests[0].key)
        print("first answer:", first.json()["payment_id"])
        print("second answer:", second.json()["payment_id"])
        print("charges:", server.app.charges("order-123"))

        dearer = {**charge, "amount": 900}
        try:
            client.post("/payments", json=dearer, operation=ORDER)
        except samekey.OperationChanged as exc:
            print("refused:", exc)
        print("requests so far:", len(server.requests))

        again = samekey.Operation(ORDER, generation=2)
        client.post("/payments", json=dearer, operation=again)
        print("charges after generation 2:", server.app.charges("order-123"))


if __name__ == "__main__":
    main()
