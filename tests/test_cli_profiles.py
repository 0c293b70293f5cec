"""`samekey profiles` shows how each API takes keys, and which one applies."""

import json
import math

import pytest

from samekey import cli, profiles
from samekey._profile_words import duration, told
from samekey.profiles import Answer, KeyRules, Placement, Profile, Retention


NAMES = [one.name for one in profiles.shipped()] + ["generic", "ietf", "none"]


@pytest.fixture(autouse=True)
def _screen(monkeypatch):
    """Print for a pipe of 80 columns, wherever the tests run."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def invoke(capsys):
    """Run the command line; return exit status, stdout and stderr."""

    def invoke(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(["profiles", *arguments])
        return caught.value.code, *capsys.readouterr()

    return invoke


def words(text):
    """Give the words of *text*, however it was wrapped."""
    return " ".join(text.split())


class TestTable:
    def test_for_people(self, invoke):
        """Every profile is there, whole, in 80 columns."""
        status, out, err = invoke()

        assert 0 == status
        assert "" == err
        lines = [line.rstrip() for line in out.splitlines()]
        assert max(len(line) for line in lines) <= 80
        assert "…" not in out
        first = [line.split() for line in lines]
        at = first.index(["stripe_v1", "Idempotency-Key", "24", "h", "full"])
        assert ["Stripe", "API", "v1", "header", "replays", "S"] == (
            first[at + 1]
        )
        assert ["square", "/idempotency_key", "?", "placement"] in first
        assert ["Square", "JSON", "body", "?", "S"] in first
        assert ["none", "-", "?", "own"] in first
        shown = {line[0] for line in first if line}
        assert set(NAMES) <= shown

    def test_for_programs(self, invoke):
        """With --json stdout is one object with all profiles."""
        status, out, err = invoke("--json")

        assert 0 == status
        assert "" == err
        told = {one["name"]: one for one in json.loads(out)["profiles"]}
        assert NAMES == list(told)
        stripe = told["stripe_v1"]
        assert {
            "seconds": 86_400.0,
            "after": "executes",
            "margin": 60.0,
            "indefinite": False,
        } == stripe["retention"]
        assert "2026-11-24" == stripe["verified_on"]
        assert "idempotency_key_in_use" == stripe["in_flight"][0]["code"]
        assert "header" not in stripe
        kept = told["amazon_pay"]["retention"]
        assert [None, True] == [kept["seconds"], kept["indefinite"]]

    def test_json_is_strict(self, invoke):
        """No infinity stands in it, which JSON does not know."""
        _, out, _ = invoke("--json")

        def refuse(constant):
            raise AssertionError(constant)

        json.loads(out, parse_constant=refuse)


class TestOne:
    def test_in_full(self, invoke):
        """Match, key, retention, answers, notes and sources, in words."""
        status, out, err = invoke("stripe_v1")

        assert 0 == status
        assert "" == err
        assert out.startswith("Stripe API v1\n")
        text = words(out)
        for part in (
            "names stripe_v1, stripe hosts api.stripe.com paths /v1/*",
            "methods POST key in the header, Idempotency-Key; a random UUID;"
            " 1 to 255 characters",
            "kept for 24 h, relied on until 1 min before its end. A repeat"
            " after that is executed anew.",
            "a recorded answer any answer with Idempotent-Replayed: true",
            "still running 409 whose body says idempotency_key_in_use",
            "another payload 400 or 404 whose body says idempotency_error",
            "it succeeded not documented",
            "after a 5xx the same key gets the same error again",
            "hints stripe-should-retry (whether to retry), retry-after (how"
            " long to wait)",
            "whose key Stripe-Account",
            "note GET and DELETE ignore the key.",
            "tier full: all that keeps an operation single is known",
            "confidence S: a source that summarises the vendor (2026-11-24)",
        ):
            assert part in text
        lines = [line.strip() for line in out.splitlines()]
        (stripe,) = profiles.get("stripe_v1")
        assert set(stripe.sources) <= set(lines)

    @pytest.mark.parametrize(
        ("alias", "titles"),
        [
            ("stripe", ["Stripe API v1", "Stripe API v2"]),
            ("square", ["Square", "Square (updates)"]),
            ("razorpayx", ["RazorpayX Payouts"]),
        ],
    )
    def test_family(self, invoke, alias, titles):
        """An alias shows each profile of its family."""
        status, out, _ = invoke(alias)

        assert 0 == status
        lines = out.splitlines()
        assert titles == [line for line in lines if line[:1] not in ("", " ")]

    def test_for_programs(self, invoke):
        """With --json it is an object with one list, whatever the name."""
        status, out, _ = invoke("stripe", "--json")

        assert 0 == status
        names = [one["name"] for one in json.loads(out)["profiles"]]
        assert ["stripe_v1", "stripe_v2"] == names

    @pytest.mark.parametrize("more", [[], ["--json"]])
    def test_unknown(self, invoke, more):
        """An unknown name is refused, and near ones are named."""
        status, out, err = invoke("stripes", *more)

        assert 2 == status
        assert "" == out
        assert (
            "Error: profile must be one of `samekey profiles`, got 'stripes';"
            " near: stripe"
        ) in err

    @pytest.mark.parametrize("name", NAMES)
    def test_every_one_can_be_shown(self, invoke, name):
        """Each is told within 80 columns, but for URLs, which stay whole."""
        status, out, err = invoke(name)

        assert 0 == status
        assert "" == err
        prose = [x for x in out.splitlines() if not x.startswith("  http")]
        assert max(len(line) for line in prose) <= 80


class TestMatch:
    def test_for_people(self, invoke):
        """It says which profile applies, and why."""
        status, out, err = invoke(
            "--match", "post", "https://api.razorpay.com/v1/payouts"
        )

        assert 0 == status
        assert "" == err
        assert (
            "POST https://api.razorpay.com/v1/payouts profile"
            " razorpay_payouts (RazorpayX Payouts) because its host, and the"
            " path and method fit key one is sent by itself, in the header,"
            " X-Payout-Idempotency host vouched for: it is the API's own"
        ) == words(out)

    @pytest.mark.parametrize(
        ("method", "url", "parts"),
        [
            (
                "POST",
                "https://api.razorpay.com/v1/orders",
                [
                    "profile generic because the API is known, and",
                    "key none is sent by itself",
                    "host not vouched for at this path and method",
                ],
            ),
            (
                "GET",
                "https://api.example.com/",
                [
                    "because no profile is for this host, path and method",
                    "key none; a GET may be sent twice without",
                ],
            ),
            (
                "POST",
                "https://api.example.com/",
                [
                    "key one is sent by itself, in the header, Idempotency-Key",
                    "host not known: vouched for if",
                ],
            ),
            (
                "POST",
                "https://production.plaid.com/transfer/create",
                [
                    "key yours is taken up, in the JSON body,"
                    " /authorization_id; none is made",
                ],
            ),
        ],
    )
    def test_others(self, invoke, method, url, parts):
        """A call that gets no key of ours is told of as well."""
        status, out, _ = invoke("--match", method, url)

        assert 0 == status
        for part in parts:
            assert part in words(out)

    def test_for_programs(self, invoke):
        """With --json it is one object."""
        status, out, _ = invoke(
            "--match", "POST", "https://api.stripe.com/v2/core", "--json"
        )

        assert 0 == status
        assert {
            "method": "POST",
            "url": "https://api.stripe.com/v2/core",
            "profile": "stripe_v2",
            "keyed": True,
            "vouched": True,
            "why": "its host, and the path and method fit",
        } == json.loads(out)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (
                ("--match", "POST", "api.stripe.com"),
                "Error: URL must have a host, got 'api.stripe.com'",
            ),
            (
                ("--match", "POST", "http://a:b"),
                "Error: URL must be as 'https://api.example.com/v1', got",
            ),
            (
                ("stripe", "--match", "POST", "http://a"),
                "Error: NAME and --match cannot be given together",
            ),
        ],
    )
    def test_refuses(self, invoke, arguments, said):
        """What cannot be looked up is refused."""
        status, out, err = invoke(*arguments)

        assert 2 == status
        assert "" == out
        assert said in err


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (None, "?"),
            (math.inf, "for ever"),
            (0.5, "0.5 s"),
            (15.0, "15 s"),
            (90.0, "90 s"),
            (300.0, "5 min"),
            (10_800.0, "3 h"),
            (86_400.0, "24 h"),
            (172_800.0, "2 days"),
        ],
    )
    def test_duration(self, seconds, said):
        """Times are told as documents tell them."""
        assert said == duration(seconds)

    @pytest.mark.parametrize(
        ("given", "label", "said"),
        [
            ({"replay": []}, "a recorded answer", "nothing says so"),
            (
                {"in_flight": [Answer(header="Busy")]},
                "still running",
                "any 4xx with Busy",
            ),
            (
                {
                    "already_done": [
                        Answer(status=409, code="dup", field="/e", id="/id")
                    ]
                },
                "it succeeded",
                "409 whose body says dup at /e, with the resource's id at /id",
            ),
            (
                {"mismatch": [Answer(status=409), Answer(status=422)]},
                "another payload",
                "409 or 422",
            ),
            (
                {"mismatch": [Answer(code="a"), Answer(code="b")]},
                "another payload",
                "any 4xx whose body says a or b",
            ),
            ({}, "kept for", "not documented; 1 h is assumed."),
            (
                {"retention": Retention(after="rejects")},
                "kept for",
                (
                    "not documented; 1 h is assumed. A repeat after that is"
                    " refused."
                ),
            ),
            (
                {"retention": Retention(seconds=math.inf)},
                "kept for",
                "for ever",
            ),
            (
                {
                    "placement": Placement(name="Key", quoted=True),
                    "key": KeyRules(max=64, pattern=".+", required=True),
                },
                "key",
                (
                    "in the header, Key, in double quotes; a random UUID; 1 to"
                    " 64 characters; as .+; the API refuses requests without"
                    " one"
                ),
            ),
            (
                {"placement": Placement(kind="none")},
                "key",
                (
                    "the API takes none; only what was certainly not sent is"
                    " sent again"
                ),
            ),
            (
                {"min_retry_delay": 60},
                "wait at least",
                "1 min before the same key is sent again",
            ),
        ],
    )
    def test_rows(self, given, label, said):
        """What a profile says is told in words."""
        assert said == dict(told(Profile("acme", **given)))[label]
