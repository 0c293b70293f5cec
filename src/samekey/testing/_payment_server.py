"""
The payments API on a loopback socket, with a ledger of its own.
"""

import tempfile

from typing import Self

from ._fault_server import FaultServer, Script
from ._payments import PaymentsApp, Work


class PaymentServer(FaultServer):
    """
    Serve a `PaymentsApp`, with its ledger in a directory of its own.

    For *script* see `FaultServer`, for *work* `PaymentsApp`.
    """

    app: PaymentsApp

    def __init__(self, script: Script = (), *, work: Work | None = None):
        super().__init__(lambda received: self.app(received), script)  # noqa: PLW0108 -- there is no app yet
        self._work = work

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="payments-")
        path = f"{self._directory.name}/ledger.db"
        self.app = PaymentsApp(path, work=self._work)
        return super().__enter__()

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        self.app.close()
        self._directory.cleanup()
