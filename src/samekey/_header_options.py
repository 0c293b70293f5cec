"""
Headers that are given on a command line; a value goes into no message.
"""

from __future__ import annotations

import os
import re


Header = tuple[str, str]

# RFC 9110, section 5.6.2.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def header(text: str) -> Header:
    name, colon, value = text.partition(":")
    _check_name(name if colon else "", "'Name: value'")
    return name, _sound(name, value.strip())


def header_env(text: str) -> Header:
    name, sign, variable = text.partition("=")
    _check_name(name if sign else "", "NAME=VARIABLE")
    value = os.environ.get(variable)
    if value is None:
        # Without its name: it may be the value, put there by mistake.
        msg = f"the environment variable for {name} must be set"
        raise ValueError(msg)
    return name, _sound(name, value)


def _check_name(name: str, form: str) -> None:
    if _NAME.fullmatch(name) is None:
        msg = f"it must be {form}"
        raise ValueError(msg)


def _sound(name: str, value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        msg = f"the value of {name} must be printable ASCII"
        raise ValueError(msg)
    return value
