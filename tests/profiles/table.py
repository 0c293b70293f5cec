"""
The profiles as the file states them, read without the code under test.

`samekey.profiles` turns the file into values; a test that compares the wire
with those would not see a field that is read wrongly. So this takes the tables
from TOML as they are, and makes example requests and answers of them.
"""

from __future__ import annotations

import json
import pathlib
import tomllib

from typing import Any

import attrs

import samekey.profiles


FILE = pathlib.Path(samekey.profiles.__file__).with_name("profiles.toml")
TABLES: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text())
HEADER = {"kind": "header", "name": "Idempotency-Key"}
BUILT_IN: dict[str, dict[str, Any]] = {
    "generic": {"placement": HEADER},
    "ietf": {"placement": {**HEADER, "quoted": True}},
    "none": {"placement": {"kind": "none"}},
}
ALL = TABLES | BUILT_IN

UUID4 = "6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b"
MEANINGS = (
    "mismatch",
    "already_done",
    "in_flight",
    "store_down",
    "missing",
)


@attrs.frozen
class Entry:
    """One profile's table, and what follows from it."""

    name: str
    table: dict[str, Any] = attrs.field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def placement(self) -> dict[str, Any]:
        found: dict[str, Any] = self.table["placement"]
        return found

    @property
    def kind(self) -> str:
        return str(self.placement["kind"])

    @property
    def key(self) -> dict[str, Any]:
        found: dict[str, Any] = self.table.get("key", {})
        return found

    @property
    def by_host(self) -> bool:
        """Whether a client finds it without being told."""
        return "hosts" in self.table.get("match", {})

    @property
    def caller(self) -> bool:
        """Whether only the caller knows the key."""
        return self.key.get("form") == "caller"

    @property
    def method(self) -> str:
        methods = self.table.get("match", {}).get("methods", ["POST"])
        return "POST" if "POST" in methods else str(methods[0])

    @property
    def urls(self) -> list[str]:
        match = self.table.get("match", {})
        hosts = match.get("hosts", ["api.example.com"])
        paths = match.get("paths", ["/things"])
        return [
            f"https://{host.replace('*', 'x')}{path.replace('*', 'x')}"
            for host in hosts
            for path in (("/x" + p if p[0] == "*" else p) for p in paths)
        ]

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def terms(self) -> dict[str, Any]:
        """What to tell a client so that it uses this profile."""
        return {} if self.by_host else {"profile": self.name}

    @property
    def given(self) -> str:
        """A key of the caller's that the API takes."""
        short = self.key.get("max", 255) < 36
        return UUID4.replace("-", "") if short else UUID4

    def answers(self, meaning: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.table.get("answers", {}).get(
            meaning, []
        )
        return found

    def behaviour(self, name: str) -> Any:
        return self.table.get("behaviour", {}).get(name)


ENTRIES = [Entry(name, table) for name, table in ALL.items()]


def put(value: Any, pointer: str, what: object) -> Any:
    """Put *what* where a JSON pointer says, making what is missing."""
    step, _, rest = pointer[1:].partition("/")
    inner = put(None, f"/{rest}", what) if rest else what
    if step.isdecimal():
        made = list(value or [])
        made.extend([None] * (int(step) + 1 - len(made)))
        made[int(step)] = inner
        if rest and isinstance(value, list) and int(step) < len(value):
            made[int(step)] = put(value[int(step)], f"/{rest}", what)
        return made
    made_too = dict(value or {})
    if rest:
        inner = put(made_too.get(step), f"/{rest}", what)
    made_too[step] = inner
    return made_too


def described(rule: dict[str, Any]) -> dict[str, Any]:
    """Build the answer that a rule describes, for `paper.answer`."""
    body: Any = {}
    if "code" in rule:
        body = put(body, rule.get("field", "/error/code"), rule["code"])
    if "id" in rule:
        body = put(body, rule["id"], "res_1")
    headers = {}
    if "header" in rule:
        headers[rule["header"]] = rule.get("value", "anything").upper()
    return {
        "status": rule.get("status", 400),
        "headers": headers,
        "body": json.dumps(body).encode(),
    }
