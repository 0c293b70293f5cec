"""Profiles are read from a file with care, and found by what they match."""

import datetime as dt
import json
import math
import pickle
import re

from urllib.parse import parse_qsl, quote_plus, unquote_plus

import attrs
import httpx
import pytest

from hypothesis import assume, given
from hypothesis import strategies as st

from samekey._slots import Unplaceable, json_slot, pairs_slot, without_pair
from samekey.profiles import (
    GENERIC,
    IETF,
    NONE,
    Answer,
    Companion,
    KeyRules,
    Lookup,
    Match,
    Placement,
    Profile,
    Retention,
    get,
    load,
    shipped,
)
from samekey.profiles._lookup import MAX_HOSTS


GOOD = """
[acme]
name = "Acme Payments"
aliases = ["acme_pay"]
tier = "full"
confidence = "V"
verified_on = 2026-11-24
sources = ["https://acme.example/docs"]
notes = ["A note."]
companions = [{ name = "First-Sent", value = "first_sent" }]
[acme.match]
hosts = ["api.acme.example", "*.acme.example"]
paths = ["/v1/*"]
methods = ["POST", "PUT"]
[acme.placement]
kind = "header"
name = "Acme-Key"
quoted = true
[acme.key]
form = "uuid4hex"
min = 8
max = 32
pattern = "^[0-9a-f]+$"
required = true
[acme.retention]
seconds = 100
after = "rejects"
margin = 1.5
[acme.answers]
replay = [{ header = "Replayed" }]
in_flight = [{ status = 409, code = "busy", field = "/why" }]
mismatch = [{ status = 422, after_doubt = true }]
already_done = [{ status = 409, code = "done", id = "/id" }]
missing = []
store_down = [{ status = 503, header = "Store", value = "down" }]
[acme.behaviour]
after_5xx = "resumes"
hints = ["retry-after"]
min_retry_delay = 2
scope_headers = ["Account"]

[plain]
"""


@pytest.fixture
def read(tmp_path):
    """Write a file, and load it."""

    def written(text):
        file = tmp_path / "own.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(file)

    return written


def test_good(read):
    """Every field of a good file arrives."""
    acme, plain = read(GOOD)

    assert acme == Profile(
        "acme",
        title="Acme Payments",
        aliases=("acme_pay",),
        tier="full",
        confidence="V",
        verified_on=dt.date(2026, 11, 24),
        sources=("https://acme.example/docs",),
        notes=("A note.",),
        companions=(Companion(name="First-Sent", value="first_sent"),),
        match=Match(
            hosts=("api.acme.example", "*.acme.example"),
            paths=("/v1/*",),
            methods=("POST", "PUT"),
        ),
        placement=Placement(name="Acme-Key", quoted=True),
        key=KeyRules(
            form="uuid4hex",
            min=8,
            max=32,
            pattern="^[0-9a-f]+$",
            required=True,
        ),
        retention=Retention(seconds=100, after="rejects", margin=1.5),
        replay=(Answer(header="Replayed"),),
        in_flight=(Answer(status=409, code="busy", field="/why"),),
        mismatch=(Answer(status=422, after_doubt=True),),
        already_done=(Answer(status=409, code="done", id="/id"),),
        missing=(),
        store_down=(Answer(status=503, header="Store", value="down"),),
        after_5xx="resumes",
        hints=("retry-after",),
        min_retry_delay=2,
        scope_headers=("Account",),
    )
    assert plain == Profile("plain")
    assert plain.match == GENERIC.match
    assert plain.placement == GENERIC.placement


def test_no_file(tmp_path):
    """A file that is not there is an OSError."""
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.toml")


def test_for_ever(read):
    """Keys may be kept without end."""
    [acme] = read("[acme.retention]\nindefinite = true")

    assert math.inf == acme.retention.seconds == acme.retention.usable
    assert 0 == acme.retention.margin


# What is wrong, and a regular expression for what is said after the file.
ERRORS = {
    "not TOML": ("[acme", r".+"),
    "not UTF-8": (b'[acme]\nname = "\xff"', r".+"),
    "not a table": ("acme = 5", r"\[acme\]: must be a table, got int"),
    "title": (
        "[acme]\nname = 5",
        r"\[acme\] name: must be a str, got int",
    ),
    "empty title": (
        '[acme]\nname = ""',
        r"\[acme\] name: must not be empty",
    ),
    "empty name": ('[""]', r".*name.*must not be empty"),
    "unknown": (
        "[acme]\ncolour = 1",
        r"\[acme\] colour: is not a field that is known",
    ),
    "its name in code": (
        '[acme]\ntitle = "A"',
        r"\[acme\] title: is not a field that is known",
    ),
    "unknown part": (
        "[acme.macth]\nhosts = []",
        r"\[acme\] macth: is not a field that is known",
    ),
    "unknown in a part": (
        "[acme.match]\nhost = []",
        r"\[acme\] match\.host: is not a field that is known",
    ),
    "unknown answer": (
        "[acme.answers]\nreplays = []",
        r"\[acme\] answers\.replays: is not a field that is known",
    ),
    "unknown behaviour": (
        "[acme.behaviour]\nname = 1",
        r"\[acme\] behaviour\.name: is not a field that is known",
    ),
    "unknown in an answer": (
        "[acme.answers]\nmissing = [{status = 400}, {satus = 1}]",
        r"\[acme\] answers\.missing\[1\]\.satus: is not a field that is known",
    ),
    "part not a table": (
        "[acme]\nmatch = 5",
        r"\[acme\] match: must be a table, got int",
    ),
    "retention not a table": (
        "[acme]\nretention = 5",
        r"\[acme\] retention: must be a table, got int",
    ),
    "answers not a table": (
        "[acme]\nanswers = []",
        r"\[acme\] answers: must be a table, got list",
    ),
    "behaviour not a table": (
        "[acme]\nbehaviour = 1",
        r"\[acme\] behaviour: must be a table, got int",
    ),
    "answers not a list": (
        "[acme.answers]\nmissing = {status = 400}",
        r"\[acme\] answers\.missing: must be a list of tables, got dict",
    ),
    "an answer not a table": (
        "[acme.answers]\nmissing = [400]",
        r"\[acme\] answers\.missing\[0\]: must be a table, got int",
    ),
    "companions": (
        '[acme]\ncompanions = ["a"]',
        r"\[acme\] companions\[0\]: must be a table, got str",
    ),
    "half a companion": (
        '[acme]\ncompanions = [{name = "A"}]',
        r"\[acme\] companions\[0\]: .*'value'.*",
    ),
    "companion's name": (
        '[acme]\ncompanions = [{name = "A B", value = "first_sent"}]',
        r"\[acme\] companions\[0\]\.name: must be a header's name, got 'A B'",
    ),
    "2xx": (
        "[acme.answers]\nreplay = [{status = 200}]",
        r"\[acme\] answers\.replay\[0\]\.status: must be a status from 100 to"
        r" 599 but no 2xx, which settles every operation; got 200",
    ),
    "no status": (
        "[acme.answers]\nmissing = [{status = 600}]",
        r"\[acme\] answers\.missing\[0\]\.status: must be a status .*got 600",
    ),
    "status as text": (
        '[acme.answers]\nmissing = [{status = "400"}]',
        r"\[acme\] answers\.missing\[0\]\.status: must be an int, got str",
    ),
    "status as bool": (
        "[acme.answers]\nmissing = [{status = true}]",
        r"\[acme\] answers\.missing\[0\]\.status: must be an int, got bool",
    ),
    "nothing to tell": (
        '[acme.answers]\nmissing = [{id = "/a"}]',
        r"\[acme\] answers\.missing\[0\]: an answer must have a status, a header"
        r" or a code",
    ),
    "value alone": (
        '[acme.answers]\nmissing = [{status = 400, value = "a"}]',
        r"\[acme\] answers\.missing\[0\]\.value: means nothing without header",
    ),
    "field alone": (
        '[acme.answers]\nmissing = [{status = 400, field = "/a"}]',
        r"\[acme\] answers\.missing\[0\]\.field: means nothing without code",
    ),
    "pointer": (
        '[acme.answers]\nmissing = [{status = 400, id = "a"}]',
        r"\[acme\] answers\.missing\[0\]\.id: must be a JSON pointer such as"
        r" '/id', got 'a'",
    ),
    "pointer's type": (
        "[acme.answers]\nmissing = [{status = 400, id = 1}]",
        r"\[acme\] answers\.missing\[0\]\.id: must be a JSON pointer, got int",
    ),
    "header": (
        '[acme.answers]\nmissing = [{header = "A:"}]',
        r"\[acme\] answers\.missing\[0\]\.header: must be a header's name, got"
        r" 'A:'",
    ),
    "doubt": (
        "[acme.answers]\nmissing = [{status = 400, after_doubt = 1}]",
        r"\[acme\] answers\.missing\[0\]\.after_doubt: must be a bool, got int",
    ),
    "a mark without a header": (
        "[acme.answers]\nreplay = [{status = 409}]",
        r"\[acme\] answers\.replay: must name a header, and nothing of status"
        r" or body",
    ),
    "a mark with a code": (
        '[acme.answers]\nreplay = [{header = "A", code = "a"}]',
        r"\[acme\] answers\.replay: must name a header, and nothing of status"
        r" or body",
    ),
    "host": (
        '[acme.match]\nhosts = ["https://a.example"]',
        r"\[acme\] match\.hosts: must be as 'api\.example\.com' or"
        r" '\*\.example\.com', in lower case, got 'https://a\.example'",
    ),
    "host in capitals": (
        '[acme.match]\nhosts = ["A.example"]',
        r"\[acme\] match\.hosts: must be as .*, got 'A\.example'",
    ),
    "one host": (
        '[acme.match]\nhosts = "a.example"',
        r"\[acme\] match\.hosts: must be a list of str, got str",
    ),
    "table of hosts": (
        '[acme.match]\nhosts = {"a.example" = true}',
        r"\[acme\] match\.hosts: must be a list of str, got dict",
    ),
    "host's type": (
        "[acme.match]\nhosts = [1]",
        r"\[acme\] match\.hosts: must be a str, got int",
    ),
    "path": (
        '[acme.match]\npaths = ["v1"]',
        r"\[acme\] match\.paths: must start with '/' or '\*', got 'v1'",
    ),
    "method": (
        '[acme.match]\nmethods = ["post"]',
        r"\[acme\] match\.methods: must be as 'POST', got 'post'",
    ),
    "kind": (
        '[acme.placement]\nkind = "cookie"\nname = "a"',
        r"\[acme\] placement\.kind: must be one of header, json, form, query,"
        r" none, got 'cookie'",
    ),
    "no pointer": (
        '[acme.placement]\nkind = "json"',
        r"\[acme\] placement\.pointer: must be given with kind 'json'",
    ),
    "name for JSON": (
        '[acme.placement]\nkind = "json"\npointer = "/a"\nname = "a"',
        r"\[acme\] placement\.name: means nothing with kind 'json'",
    ),
    "no name": (
        '[acme.placement]\nkind = "form"',
        r"\[acme\] placement\.name: must be given with kind 'form'",
    ),
    "name for none": (
        '[acme.placement]\nkind = "none"\nname = "a"',
        r"\[acme\] placement\.name: means nothing with kind 'none'",
    ),
    "quoted form": (
        '[acme.placement]\nkind = "form"\nname = "a"\nquoted = true',
        r"\[acme\] placement\.quoted: means nothing without kind 'header'",
    ),
    "header's name": (
        '[acme.placement]\nname = "a b"',
        r"\[acme\] placement\.name: must be a header's name, got 'a b'",
    ),
    "pattern": (
        '[acme.key]\npattern = "("',
        r"\[acme\] key\.pattern: must be a regular expression, got '\(': .+",
    ),
    "length": (
        "[acme.key]\nmin = 0",
        r"\[acme\] key\.min: must be at least 1, got 0",
    ),
    "lengths": (
        "[acme.key]\nmin = 9\nmax = 8",
        r"\[acme\] key\.min: must be at most key\.max, got 9",
    ),
    "no fitting key": (
        "[acme.key]\nmax = 12",
        r"\[acme\] key: must allow one of the generated forms, got min 1, max"
        r" 12, pattern None; form = 'caller' takes keys from the caller only",
    ),
    "no fitting pattern": (
        '[acme.key]\npattern = "^[A-Z]+$"',
        r"\[acme\] key: must allow one of the generated forms, .*",
    ),
    "form": (
        '[acme.key]\nform = "uuid7"',
        r"\[acme\] key\.form: must be one of uuid4, uuid4hex, uuid5, caller, got"
        r" 'uuid7'",
    ),
    "seconds": (
        '[acme.retention]\nseconds = "1 h"',
        r"\[acme\] retention\.seconds: must be seconds or a timedelta, got str",
    ),
    "NaN": (
        "[acme.retention]\nseconds = nan",
        r"\[acme\] retention\.seconds: must be at least 0, got nan",
    ),
    "margin": (
        "[acme.retention]\nmargin = -1",
        r"\[acme\] retention\.margin: must be at least 0, got -1",
    ),
    "indefinite with seconds": (
        "[acme.retention]\nindefinite = true\nseconds = 1",
        r"\[acme\] retention\.indefinite: must be true, without seconds",
    ),
    "indefinite and not": (
        "[acme.retention]\nindefinite = false",
        r"\[acme\] retention\.indefinite: must be true, without seconds",
    ),
    "hint": (
        '[acme.behaviour]\nhints = ["x"]',
        r"\[acme\] behaviour\.hints: must be of stripe-should-retry, .+, got"
        r" 'x'",
    ),
    "after 5xx": (
        '[acme.behaviour]\nafter_5xx = "x"',
        r"\[acme\] behaviour\.after_5xx: must be one of replays, executes,"
        r" resumes, locks, got 'x'",
    ),
    "delay": (
        "[acme.behaviour]\nmin_retry_delay = true",
        r"\[acme\] behaviour\.min_retry_delay: must be seconds or a timedelta,"
        r" got bool",
    ),
    "scope": (
        '[acme.behaviour]\nscope_headers = ["a b"]',
        r"\[acme\] behaviour\.scope_headers: must be a header's name, got 'a b'",
    ),
    "date": (
        '[acme]\nverified_on = "today"',
        r"\[acme\] verified_on: must be a date, got str",
    ),
    "tier": (
        '[acme]\ntier = "best"',
        r"\[acme\] tier: must be one of full, placement, own, got 'best'",
    ),
    "confidence": (
        '[acme]\nconfidence = "X"',
        r"\[acme\] confidence: must be one of V, S, I, got 'X'",
    ),
    "sources": (
        "[acme]\nsources = 1",
        r"\[acme\] sources: must be a list of str, got int",
    ),
}


@pytest.mark.parametrize(("text", "said"), ERRORS.values(), ids=[*ERRORS])
def test_error(read, tmp_path, text, said):
    """An error names the file, the table and the field."""
    file = re.escape(str(tmp_path / "own.toml"))

    with pytest.raises(ValueError, match=rf"(?s)^{file}: {said}$"):
        read(text)


class TestValues:
    """In code the same is refused, with the argument's name."""

    @pytest.mark.parametrize(
        ("options", "error", "said"),
        [
            ({"match": {}}, TypeError, "match must be a Match, got dict"),
            (
                {"missing": Answer(status=400)},
                TypeError,
                "missing must be a list of Answer, got Answer",
            ),
            (
                {"missing": [400]},
                TypeError,
                "missing must hold Answer, got int",
            ),
            (
                {"companions": Companion(name="A", value="first_sent")},
                TypeError,
                "companions must be a list of Companion, got Companion",
            ),
            (
                {"companions": ["A"]},
                TypeError,
                "companions must be a Companion, got str",
            ),
            (
                {"min_retry_delay": dt.timedelta(seconds=-1)},
                ValueError,
                "min_retry_delay must be at least 0, got"
                " datetime.timedelta(days=-1, seconds=86399)",
            ),
            (
                {"replay": [Answer(status=409)]},
                ValueError,
                "replay must name a header, and nothing of status or body",
            ),
        ],
    )
    def test_refused(self, options, error, said):
        """A wrong argument is refused when the profile is made."""
        with pytest.raises(error, match=rf"^{re.escape(said)}$"):
            Profile("own", **options)

    def test_timedelta(self):
        """A time may be a timedelta."""
        kept = Retention(seconds=dt.timedelta(hours=1))

        assert 3_600.0 == kept.seconds
        assert 60.0 == kept.margin
        assert 3_540.0 == kept.usable

    @pytest.mark.parametrize(
        ("seconds", "margin"),
        [(None, 0), (0, 0), (100, 5), (1_200, 60), (1e9, 60)],
    )
    def test_margin(self, seconds, margin):
        """The margin is a twentieth, and at most a minute."""
        assert margin == Retention(seconds=seconds).margin

    def test_wide_margin(self):
        """A margin that is wider than the time leaves none."""
        assert 0 == Retention(seconds=10, margin=20).usable

    def test_changed(self):
        """A profile can be changed into another, and all follows."""
        changed = attrs.evolve(
            get("stripe_v1")[0],
            placement=Placement(name="X-Own"),
            retention=Retention(seconds=10),
        )

        assert "X-Own" == changed.header.name
        assert 9.5 == changed.memory

    def test_pickled(self):
        """A profile can be sent to another process."""
        for profile in (*shipped(), GENERIC, IETF, NONE):
            copy = pickle.loads(pickle.dumps(profile))

            assert profile == copy
            assert profile.header == copy.header
            if profile.key.form != "caller":
                assert profile.fit(bytes(16)) == copy.fit(bytes(16))


def find(url, method="POST", lookup=None):
    found = (lookup or LOOKUP).find(method, httpx.URL(url))
    return found.profile.name, found.keyed, found.vouched


LOOKUP = Lookup()
GENERICALLY = ("generic", True, None)
UNLISTED = ("generic", False, False)


class TestLookup:
    """Which profile is for a request."""

    @pytest.mark.parametrize(
        ("url", "found"),
        [
            ("https://api.razorpay.com/v1/payouts", "razorpay_payouts"),
            (
                "https://api.razorpay.com/v1/transfers",
                "razorpay_route_transfers",
            ),
            (
                "https://api.razorpay.com/v1/payments/pay_1/refund",
                "razorpay_refunds",
            ),
            (
                "https://api-m.paypal.com/v2/checkout/orders",
                "paypal_orders_v2",
            ),
            (
                "https://api-m.paypal.com/v2/payments/captures/1/refund",
                "paypal_payments_v2",
            ),
            (
                "https://api-m.paypal.com/v1/payments/payouts",
                "paypal_payouts_v1",
            ),
            (
                "https://api-m.paypal.com/v1/payments/sale/1",
                "paypal_payments_v1",
            ),
            ("https://api.wise.com/v1/transfers", "wise_transfers"),
            ("https://api.sandbox.bvnk.com/api/v1/pay", "bvnk_v1"),
            ("https://api.sandbox.bvnk.com/ledger/v2/wallets", "bvnk_v2"),
            ("https://api.stripe.com/v1/charges?a=/v2/", "stripe_v1"),
            ("https://api.stripe.com/v2/core/events", "stripe_v2"),
            ("https://API.Stripe.com:8443/v1/charges", "stripe_v1"),
            (
                "http://x-checkout-live.adyenpayments.com/checkout/v71/pay",
                "adyen",
            ),
            ("https://a.b.api.checkout.com/", "checkout_com"),
        ],
    )
    def test_path_before_host(self, url, found):
        """Several APIs share a host: the path says which it is."""
        assert (found, True, True) == find(url)

    @pytest.mark.parametrize(
        ("url", "method"),
        [
            ("https://api.stripe.com/v3/charges", "POST"),
            ("https://api.stripe.com/v1/", "POST"),
            ("https://api.stripe.com/", "POST"),
            ("https://api.stripe.com/v1/charges", "DELETE"),
            ("https://api.razorpay.com/v1/payments/a/b/refund", "POST"),
            ("https://api.razorpay.com/v1/payments//refund", "POST"),
            ("https://api.razorpay.com/v1/payouts/", "POST"),
            ("https://api.razorpay.com/v1/payouts", "PUT"),
        ],
    )
    def test_unlisted(self, url, method):
        """A known host's other paths and methods get no key unasked."""
        assert UNLISTED == find(url, method)

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.example.com/v1/charges",
            "https://evil-api.stripe.com/v1/charges",
            "https://api.stripe.com.evil.example/v1/charges",
            "https://adyenpayments.com/checkout/v71/pay",
            "https://eviladyenpayments.com/checkout/v71/pay",
            "https://stripe.com/v1/charges",
            "https://user:pw@x.example/@api.stripe.com/v1/charges",
            "http://[::1]/v1/charges",
            "https://b\u00fccher.example/",
        ],
    )
    def test_unknown(self, url):
        """A host that is only like one is unknown, and nobody vouches."""
        assert GENERICALLY == find(url)

    @pytest.mark.parametrize(
        ("method", "keyed"),
        [("POST", True), ("PATCH", True), ("GET", False), ("PUT", False)],
    )
    def test_methods(self, method, keyed):
        """Elsewhere, methods that are not idempotent get a key."""
        assert ("generic", keyed, None) == find("https://x.example/", method)

    def test_rest(self):
        """Those that were chosen hold anywhere, the first one for the rest."""
        chosen = get("razorpay")
        lookup = Lookup(chosen, chosen[0])

        first = find("https://a.example/v1/transfers", lookup=lookup)
        rest = find("https://a.example/elsewhere", lookup=lookup)
        home = find("https://api.razorpay.com/v1/payouts", lookup=lookup)
        other = find("https://a.example/v1/payouts", "PUT", lookup=lookup)

        assert ("razorpay_route_transfers", True, None) == first
        assert ("razorpay_payouts", True, None) == rest
        assert ("razorpay_payouts", True, True) == home
        assert ("razorpay_payouts", False, None) == other

    def test_none(self):
        """The profile of an API without keys gives none."""
        lookup = Lookup([NONE], NONE)

        assert ("none", False, None) == find("https://a.b/", lookup=lookup)

    def test_words(self):
        """What is found says why."""
        found = [
            LOOKUP.find("POST", httpx.URL(url)).why
            for url in (
                "https://api.stripe.com/v1/a",
                "https://api.dwolla.com/a",
                "https://api.stripe.com/v3/a",
                "https://x.example/",
            )
        ]
        chosen = Lookup([IETF]).find("POST", httpx.URL("https://a.b/")).why

        assert [
            "its host, and the path and method fit",
            "its host and method fit",
            "the API is known, and takes no key at this path and method",
            "no profile is for this host, path and method",
        ] == found
        assert "chosen for this client and method fit" == chosen

    def test_bound(self):
        """A crawler's hosts do not fill the memory."""
        lookup = Lookup()
        for number in range(MAX_HOSTS + 500):
            find(f"https://h{number}.example/", lookup=lookup)

            assert len(lookup._hosts) <= MAX_HOSTS

        assert 1_000 == MAX_HOSTS == len(lookup._hosts)
        assert ("stripe_v1", True, True) == find(
            "https://api.stripe.com/v1/a", lookup=lookup
        )

    HOSTS = st.one_of(
        st.from_regex(
            r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,20}){0,3}", fullmatch=True
        ),
        st.ip_addresses(v=4).map(str),
        st.ip_addresses(v=6).map("[{}]".format),
        st.sampled_from(
            [host for p in shipped() for host in p.match.hosts]
        ).map(lambda host: host.replace("*", "a")),
    )

    @given(
        host=HOSTS,
        path=st.text(max_size=40),
        method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PURGE"]),
    )
    def test_anything(self, host, path, method):
        """No host, path or method brings it down."""
        try:
            url = httpx.URL(f"https://{host}", path="/" + path)
        except httpx.InvalidURL:
            assume(False)

        found = LOOKUP.find(method, url)

        assert found.why
        assert found.vouched in {True, False, None}
        assert found.keyed or method != "POST" or found.vouched is False


class TestNames:
    """Profiles are chosen by name."""

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("stripe_v1", ["stripe_v1"]),
            ("stripe", ["stripe_v1", "stripe_v2"]),
            ("checkout", ["checkout_com"]),
            ("generic", ["generic"]),
            ("ietf", ["ietf"]),
            ("none", ["none"]),
            ("bvnk", ["bvnk_v1", "bvnk_v2"]),
            ("wise", ["wise_transfers", "wise_header"]),
        ],
    )
    def test_found(self, name, found):
        """By name, by alias, or all of one API."""
        assert found == [profile.name for profile in get(name)]

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("strip", "; near: stripe, stripe_v1, stripe_v2"),
            ("adyne", "; near: adyen"),
            ("quite unlike", ""),
            ("", ""),
        ],
    )
    def test_misspelt(self, name, hint):
        """A name that is not there is told, with what is near it."""
        said = f"profile must be one of `samekey profiles`, got {name!r}{hint}"

        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            get(name)


WHITE = st.text(" \t\n\r", max_size=3)
LITERALS = st.sampled_from(
    [
        "1.0",
        "1e400",
        "-0",
        "1E-7",
        "9" * 50,
        "1" * 5_000,
        "true",
        "null",
        '"\\u0069d"',
        '"\\ud800"',
        '"{[,:]}"',
        '"\\"id\\":"',
    ]
)


@st.composite
def written(draw, values):
    """Write a JSON value by hand, with white space anywhere."""
    value = draw(values)
    if isinstance(value, dict):
        members = [
            draw(WHITE)
            + json.dumps(name, ensure_ascii=draw(st.booleans()))
            + draw(WHITE)
            + ":"
            + draw(written(st.just(inner)))
            for name, inner in value.items()
        ]
        text = "{" + (",".join(members) or draw(WHITE)) + "}"
    elif isinstance(value, list):
        items = [draw(written(st.just(inner))) for inner in value]
        text = "[" + (",".join(items) or draw(WHITE)) + "]"
    elif isinstance(value, Raw):
        text = value.text
    else:
        text = json.dumps(value, ensure_ascii=False)
    return draw(WHITE) + text + draw(WHITE)


@attrs.frozen
class Raw:
    """A literal as it is written."""

    text: str


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]), max_size=8
) | st.sampled_from(["id", "a", "", "~", "/", "id "])
VALUES = st.recursive(
    st.none() | TEXTS | LITERALS.map(Raw),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


def loads(text):
    """Read JSON with numbers as they are written."""
    return json.loads(
        text,
        parse_int=Raw,
        parse_float=Raw,
        parse_constant=Raw,
        object_pairs_hook=list,
    )


def placed(slot, key):
    return slot.before + json.dumps(key) + slot.after


class TestJson:
    """The key in a JSON body."""

    @given(text=OBJECTS.flatmap(lambda v: written(st.just(v))))
    def test_new(self, text):
        """The object gains the key, and its bytes stay as they are."""
        assume(all(name != "id" for name, _ in loads(text)))
        slot = json_slot(text.encode(), ID)

        result = placed(slot, "key-1")

        assert [("id", "key-1"), *loads(text)] == loads(result)
        assert slot.found is None
        member = '"id":"key-1"'
        assert text in {
            result.replace(member + ",", "", 1),
            result.replace(member, "", 1),
        }

    @given(
        before=OBJECTS,
        after=OBJECTS,
        name=st.sampled_from(['"id"', '"\\u0069d"', ' "i\\u0064" ']),
        data=st.data(),
    )
    def test_found(self, before, after, name, data):
        """A key that is there is found, and only it is replaced."""
        before.pop("id", None)
        after.pop("id", None)
        one = data.draw(written(st.just(before))).strip()[1:-1]
        two = data.draw(written(st.just(after))).strip()[1:-1]
        head = f"{{{one}{',' if before else ''}{name}:"
        tail = f"{',' if after else ''}{two}}}"
        text = f'{head} "mine" {tail}'

        slot = json_slot(text.encode(), ID)

        assert "mine" == slot.found
        assert f'{head} "key-1" {tail}' == placed(slot, "key-1")

    @given(text=written(OBJECTS.map(lambda v: {"a": 1, "p/q~": v})))
    def test_nested(self, text):
        """The place may be deeper."""
        [[_, _], [_, inner]] = loads(text)
        assume(all(name != "id" for name, _ in inner))

        result = placed(json_slot(text.encode(), NESTED), "key-1")

        [_, [_, members]] = loads(result)
        assert [("id", "key-1"), *inner] == members
        assert len(text) + len('"id":"key-1"') + bool(inner) == len(result)

    @given(body=st.binary(max_size=40) | TEXTS.map(str.encode))
    def test_anything(self, body):
        """Anything else has no place, and says so."""
        try:
            slot = json_slot(body, ID)
        except Unplaceable:
            return

        assert isinstance(json.loads(body), dict)
        assert "key-1" == json.loads(placed(slot, "key-1"))["id"]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"", "an empty body"),
            (b"\xef\xbb\xbf{}", "a body that is not JSON"),
            ("{}".encode("utf-16"), "a body that is not JSON"),
            (b'{"a":1', "a body that is not JSON"),
            (b"5", "a body in which no object holds it"),
            (b'{"id":1,"id":2}', "a body with 'id' twice"),
            (
                b'{"a":' * 9_999 + b"1" + b"}" * 9_999,
                "a body too deep to read",
            ),
        ],
    )
    def test_no_place(self, body, said):
        """A body without a place for the key says what it is."""
        with pytest.raises(Unplaceable, match=f"^{said}$"):
            json_slot(body, ID)

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"{}", "a body without 'p/q~'"),
            (b'{"p/q~":[]}', "a body in which no object holds it"),
            (b'{"p/q~":{},"p/q~":{}}', "a body with 'p/q~' twice"),
        ],
    )
    def test_no_place_deeper(self, body, said):
        """Objects on the way are not made up."""
        with pytest.raises(Unplaceable, match=f"^{said}$"):
            json_slot(body, NESTED)


ID = Placement(kind="json", pointer="/id")
NESTED = Placement(kind="json", pointer="/p~1q~0/id")

PIECES = st.text(
    st.characters(exclude_characters="&", max_codepoint=0x17F), max_size=12
)


class TestPairs:
    """The key in a form or a query string."""

    @given(
        pieces=st.lists(PIECES, max_size=5),
        name=st.sampled_from(["id", "k[]"]),
    )
    def test_new(self, pieces, name):
        """The pair is added at the end, and the rest stays as it is."""
        text = "&".join(pieces)
        assume(all(unquote_plus(p.partition("=")[0]) != name for p in pieces))

        slot = pairs_slot(text, name)

        result = slot.before + "key%2D1" + slot.after
        assert slot.found is None
        assert (f"{text}&" if text else "") + (
            f"{quote_plus(name)}=key%2D1"
        ) == result
        assert (name, "key-1") == parse_qsl(result)[-1]
        assert text == without_pair(result, name)

    @given(
        before=st.lists(PIECES, max_size=3),
        after=st.lists(PIECES, max_size=3),
        piece=st.sampled_from(["id=mi+ne", "%69d=mi%20ne"]),
    )
    def test_found(self, before, after, piece):
        """A key that is there is found, and only it is replaced."""
        others = [*before, *after]
        assume(all(unquote_plus(p.partition("=")[0]) != "id" for p in others))
        text = "&".join([*before, piece, *after])

        slot = pairs_slot(text, "id")

        assert "mi ne" == slot.found
        result = slot.before + "new" + slot.after
        assert "&".join([*before, "id=new", *after]) == result

    @pytest.mark.parametrize("text", ["id=a&id=a", "id&b=1&%69d="])
    def test_twice(self, text):
        """Two of them are one too many."""
        with pytest.raises(Unplaceable, match=r"^'id' 2 times$"):
            pairs_slot(text, "id")
