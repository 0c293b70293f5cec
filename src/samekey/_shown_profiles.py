"""
The command `samekey profiles`.

click and rich come with the extra `cli`; rich and httpx are slow to import,
and so imported late.
"""

from __future__ import annotations

import json
import math
import sys
import textwrap

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs
import click

from samekey._names import IDEMPOTENT_METHODS
from samekey._profile_words import KINDS, duration, placed, told
from samekey.profiles import Found, Lookup, Profile, get, shipped
from samekey.profiles._lookup import BUILT_IN


if TYPE_CHECKING:
    import httpx

    from rich.console import Console


@click.command()
@click.argument("name", required=False)
@click.option(
    "--match",
    nargs=2,
    metavar="METHOD URL",
    help="Say which profile is for a request, and why.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def profiles(
    name: str | None, match: tuple[str, str] | None, *, as_json: bool
) -> None:
    """
    Show how each API takes keys, and what its answers mean.

    Without NAME, a table of all; with it, one in full, or each of a family
    such as stripe or paypal.
    """
    from rich.console import Console  # noqa: PLC0415 -- see the top

    console = Console(highlight=False, markup=False, emoji=False)
    if name is not None and match is not None:
        msg = "NAME and --match cannot be given together"
        raise click.UsageError(msg)
    try:
        if match is not None:
            _show_found(console, *match, as_json=as_json)
        elif as_json:
            chosen = (*shipped(), *BUILT_IN) if name is None else get(name)
            _write({"profiles": [_object(one) for one in chosen]})
        elif name is None:
            _show_all(console)
        else:
            for one in get(name):
                _show(console, one)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from None


def _write(value: object) -> None:
    sys.stdout.write(json.dumps(value, default=str) + "\n")


def _object(profile: Profile) -> dict[str, Any]:
    made = attrs.asdict(profile, filter=lambda field, _: field.init)
    # JSON has no infinity.
    kept = made["retention"]
    kept["indefinite"] = kept["seconds"] == math.inf
    if kept["indefinite"]:
        kept["seconds"] = None
    return made


def _show_all(console: Console) -> None:
    from rich import box  # noqa: PLC0415 -- see the top
    from rich.table import Table  # noqa: PLC0415

    # Two lines each, or it would not fit into 80 columns.
    table = Table(box=box.SIMPLE, padding=0)
    for title in (
        "name\n  API",
        "where the key goes",
        "kept for\nafter 5xx",
        "tier\nconfidence",
    ):
        table.add_column(title, no_wrap=True)
    for one in (*shipped(), *BUILT_IN):
        at = one.placement
        api = textwrap.fill(
            one.title or "", 28, initial_indent="  ", subsequent_indent="  "
        )
        table.add_row(
            f"{one.name}\n{api}",
            f"{at.name or at.pointer or '-'}\n  {KINDS[at.kind]}",
            f"{duration(one.retention.seconds)}\n{one.after_5xx or '?'}",
            f"{one.tier}\n{one.confidence or '-'}",
        )
    console.print(table)
    console.print("? not documented. V, S, I: how sure it is. More of one:")
    console.print("samekey profiles stripe")


def _show(console: Console, profile: Profile) -> None:
    console.print(profile.called, style="bold")
    _show_rows(console, told(profile))
    for source in profile.sources:
        # A broken URL cannot be followed.
        console.print(f"  {source}", soft_wrap=True)
    console.print()


def _show_rows(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    from rich.table import Table  # noqa: PLC0415 -- see the top

    table = Table.grid(padding=(0, 1, 0, 2), pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _show_found(
    console: Console, method: str, address: str, *, as_json: bool
) -> None:
    method = method.upper()
    url = _url(address)
    about = Lookup().find(method, url)
    if as_json:
        _write(
            {
                "method": method,
                "url": str(url),
                "profile": about.profile.name,
                "keyed": about.keyed,
                "vouched": about.vouched,
                "why": about.why,
            }
        )
    else:
        console.print(f"{method} {url}", style="bold", soft_wrap=True)
        _show_rows(console, _found_told(method, about))


def _found_told(method: str, about: Found) -> list[tuple[str, str]]:
    profile = about.profile
    title = "" if profile.title is None else f" ({profile.title})"
    rows = [
        ("profile", f"{profile.name}{title}"),
        ("because", about.why),
    ]
    if not about.keyed and method in IDEMPOTENT_METHODS:
        return [*rows, ("key", f"none; a {method} may be sent twice without")]
    key = f"one is sent by itself, {placed(profile.placement)}"
    if not about.keyed:
        key = "none is sent by itself"
    elif profile.key.form == "caller":
        key = f"yours is taken up, {placed(profile.placement)}; none is made"
    return [*rows, ("key", key), ("host", _HOSTS[about.vouched])]


_HOSTS = {
    True: "vouched for: it is the API's own",
    False: (
        "not vouched for at this path and method: what may have been executed"
        " is not sent again"
    ),
    None: (
        "not known: vouched for if it is that of base_url= or in origins=, or"
        " if neither is given"
    ),
}


def _url(address: str) -> httpx.URL:
    import httpx  # noqa: PLC0415 -- see the top

    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as exc:
        msg = f"URL must be as 'https://api.example.com/v1', got {exc}"
        raise ValueError(msg) from None
    if not url.host:
        msg = f"URL must have a host, got {address!r}"
        raise ValueError(msg)
    return url
