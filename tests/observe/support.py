"""What the tests of the back ends share: calls that end in many ways."""

from __future__ import annotations

import math

import httpx
import pytest

from kinds import fast
from paper import Paper, answer, lost, refused

import samekey

from samekey._report import Attempt, Outcome, Report, Verdict
from samekey.hooks import About, AttemptEnded, OperationEnded, RetryPlanned


KEY = "order-1-" + "0123456789abcdef" * 3
SHORT = "jane-doe-17"
URL = "https://api.example.com/payments/cus_77?token=in-the-url"
SECRETS = [
    KEY,
    KEY[:-6],
    SHORT,
    "jane@example.com",
    "in-the-url",
    "cus_77",
    "sk_live",
    "4242424242424242",
    "in-the-answer",
]


class Run:
    """Plays calls to a hook, without a network."""

    def __init__(self, hook):
        self.hook = hook

    def paper(self, *steps, **terms):
        return Paper(*steps, hooks=[self.hook], **terms)

    def retried(self, **options):
        """A call that is lost, fails, and then succeeds, after two waits."""
        if "operation" not in options:
            options.setdefault("idempotency_key", KEY)
        paper = self.paper(
            lost(seconds=3.0), answer(503, seconds=2.0), answer(201)
        )
        paper.post(url=URL, **options)
        return paper

    def doubted(self):
        """A call that ends in doubt, its budget spent."""
        budget = samekey.RetryBudget(capacity=1, start=0, per_success=0)
        with pytest.raises(samekey.InDoubt):
            self.paper(lost(), budget=budget).post(
                url=URL, idempotency_key=KEY
            )

    def polled(self):
        """A call that asks whether its first request still runs."""
        busy = answer(409, headers={"retry-after": "2"})
        self.paper(lost(), busy, answer(201)).post()

    def replayed(self):
        """A call whose answer the server had recorded."""
        headers = {"Idempotent-Replayed": "true"}
        self.paper(answer(201, headers=headers)).post()

    def declined(self):
        """A call that the server answers with a refusal."""
        self.paper(answer(402)).post()

    def unreached(self):
        """A call to a closed port."""
        with pytest.raises(samekey.NotExecuted):
            self.paper(refused(), policy=fast(attempts=1)).post()

    def rate_limited(self):
        """A call that is told to slow down, to the end."""
        self.paper(answer(429), policy=fast(attempts=1)).post()

    def interrupted(self):
        """A call that Control-C breaks off."""
        with pytest.raises(KeyboardInterrupt):
            self.paper(lost(KeyboardInterrupt())).post()

    def changed(self):
        """A call that is refused: its operation had another request."""
        paper = self.paper(answer(201), answer(201))
        paper.post(url=URL, operation="a")
        with pytest.raises(samekey.OperationChanged):
            paper.post(operation="a")

    def named(self):
        """A call whose operation id names a person."""
        self.retried(operation=("jane@example.com", 17))

    def secret(self):
        """Calls with secrets wherever a call has room for one."""
        script = [503, httpx.ReadTimeout, 201, 404]

        def handler(request):
            step = script.pop(0)
            if isinstance(step, type):
                raise step("in-the-answer", request=request)
            headers = {"X-Note": "in-the-answer"}
            return httpx.Response(step, text="in-the-answer", headers=headers)

        with samekey.Client(
            transport=httpx.MockTransport(handler),
            policy=fast(),
            hooks=[self.hook],
        ) as client:
            for operation in (("jane@example.com", 17), "jane@example.com"):
                client.post(
                    URL.replace("//", "//jane:sk_live@"),
                    json={"card": "4242424242424242"},
                    headers={"Authorization": "Bearer sk_live"},
                    operation=operation,
                )

    def everything(self):
        """All of that."""
        self.retried()
        self.retried(idempotency_key=SHORT)
        self.secret()
        self.named()
        self.doubted()
        self.polled()
        self.replayed()
        self.declined()
        self.unreached()
        self.rate_limited()
        self.interrupted()
        self.changed()

    def odd(self):
        """Events that no call makes, told without a net."""
        hook = self.hook
        for url, method, operation in (
            ("/relative", "BREW", None),
            ("ftp://x", "get", 7),
            ("http://[::1]", "POST", ()),
        ):
            about = About(
                key=None,
                operation=operation,
                method=method,
                url=httpx.URL(url),
                profile="",
            )
            for number in (math.nan, math.inf, -1.0, 0.0):
                attempt = Attempt(
                    number=0,
                    verdict=Verdict.UNKNOWN,
                    started=number,
                    elapsed=number,
                )
                hook.on_attempt(AttemptEnded(about=about, attempt=attempt))
                hook.on_retry(
                    RetryPlanned(
                        about=about, attempt=attempt, wait=number, poll=False
                    )
                )
                for attempts in ((), (attempt, attempt)):
                    report = Report(
                        key=None, outcome=Outcome.OPEN, attempts=attempts
                    )
                    hook.on_outcome(OperationEnded(about=about, report=report))


def leaks(text, allowed=()):
    """Give the secrets that stand in *text*."""
    return [s for s in SECRETS if s in text and s not in allowed]
