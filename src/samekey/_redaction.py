"""
What is taken out of a body before it is kept.
"""

from __future__ import annotations

import json
import os
import re

from collections.abc import Iterable
from typing import Any

from samekey._kept_json import compact
from samekey._pointer import steps_of


REDACTED = "[redacted]"


def redact(body: bytes, pointers: Iterable[str]) -> tuple[bytes, bool]:
    """
    Take what *pointers* point at out of a JSON body.

    Returns it and whether anything was taken out. A body that is no JSON is
    taken out as a whole: nobody can say what is in it.
    """
    wanted = tuple(pointers)
    if not wanted or not body:
        return body, False
    # No number may be written in another way: a mark that is in no body says
    # which strings are numbers.
    mark = os.urandom(8).hex()

    def number(digits: str) -> str:
        return mark + digits

    try:
        value = json.loads(
            body,
            parse_int=number,
            parse_float=number,
            parse_constant=number,
        )
    except (ValueError, RecursionError):
        return REDACTED.encode(), True
    found = [_blank(value, steps_of(where)) for where in wanted]
    if not any(found):
        return body, False
    text = re.sub(f'"{mark}([^"]*)"', r"\1", compact(value))
    return text.encode(json.detect_encoding(body)), True


def _blank(value: Any, steps: tuple[str, ...]) -> bool:
    """Take out what *steps* lead to; `*` stands for every item of a list."""
    first, *rest = steps
    if isinstance(value, list):
        every = range(len(value)) if first == "*" else ()
        if first.isdecimal() and int(first) < len(value):
            every = range(int(first), int(first) + 1)
        places: list[Any] = list(every)
    else:
        inside = isinstance(value, dict) and first in value
        places = [first] if inside else []
    if rest:
        # Each of them, not the first one only.
        return sum(_blank(value[at], tuple(rest)) for at in places) > 0
    for at in places:
        value[at] = REDACTED
    return bool(places)
