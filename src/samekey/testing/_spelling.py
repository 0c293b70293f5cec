"""Faults and functions as code that makes them again."""

from __future__ import annotations

import json

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ._faults import Fault


def spell(fault: Fault | None) -> str:
    """Write the call that makes *fault*."""
    if fault is None:
        return "None"
    words = [str(each) for each in _positional(fault)]
    words += [f"{name}={value!r}" for name, value in _named(fault)]
    return f"Fault.{fault.kind}({', '.join(words)})"


def _positional(fault: Fault) -> Iterable[object]:
    if fault.kind == "status" and fault.answer is not None:
        yield fault.answer.status
    if fault.kind == "slow":
        yield fault.delay
    if fault.kind == "stall" and fault.hold is not None:
        yield fault.hold
    if fault.kind == "cut":
        yield fault.after
    if fault.kind == "drip":
        yield fault.interval
    if fault.kind == "raw":
        yield repr(fault.data)


def _named(fault: Fault) -> Iterable[tuple[str, object]]:
    if fault.kind in {"status", "stall"} and fault.after_execution:
        yield "executed", True
    if fault.kind in {"drip", "raw"} and not fault.after_execution:
        yield "executed", False
    if fault.kind == "raw":
        yield "end", fault.end
    elif fault.end == "reset":
        yield "reset", True
    if fault.kind == "cut" and fault.end == "stall":
        yield "stall", True
    if fault.answer is not None and fault.answer.headers:
        yield "headers", fault.answer.headers
    if fault.answer is not None and fault.answer.body:
        yield "body", fault.answer.body


@attrs.frozen
class Found:
    """How a script gets at a function of the user's."""

    name: str
    imports: str = attrs.field(kw_only=True)
    line: str = attrs.field(kw_only=True)


def find(function: Callable[..., object]) -> Found | None:
    """Say how a script gets at *function*; None if it cannot."""
    name = getattr(function, "__qualname__", "")
    there: dict[str, Any] = getattr(function, "__globals__", {})
    if (
        not name.isidentifier()
        or there.get(name) is not function
        or "__file__" not in there
    ):
        return None  # a lambda, a closure, a method, a partial
    path = Path(there["__file__"]).resolve()
    if not path.with_name("__init__.py").exists():
        # A test file need not be importable where the script runs.
        line = f'{name} = runpy.run_path({_quoted(path)})["{name}"]'
        return Found(name, imports="import runpy", line=line)
    root = path.parent
    while (root / "__init__.py").exists():
        root = root.parent
    dotted = ".".join(path.relative_to(root).with_suffix("").parts)
    line = (
        f"sys.path.insert(0, {_quoted(root)})\n"
        f"from {dotted.removesuffix('.__init__')} import {name}"
    )
    return Found(name, imports="import sys", line=line)


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def script(
    call: Callable[..., object],
    faults: Iterable[Fault | None],
    options: Mapping[str, Callable[..., object] | str],
) -> str:
    """Write a program that runs *call* against *faults* again."""
    words = ", ".join(spell(each) for each in faults)
    uses = " Fault," if "Fault." in words else ""
    imports: list[str] = []
    lines: list[str] = []
    names: list[str] = []
    for word, function in [("call", call), *options.items()]:
        if isinstance(function, str):
            names.append(f"{word}={_quoted(function)}")
            continue
        found = find(function)
        own = getattr(function, "__name__", "")
        name = own if own.isidentifier() else word
        names.append(name if word == "call" else f"{word}={name}")
        if found is None:
            shown = getattr(function, "__qualname__", repr(function))
            lines.append(f"{name} = ...  # {shown}: put it here")
        else:
            lines.append(found.line)
            imports += [found.imports] if found.imports else []
    first, *more = names
    arguments = ", ".join([first, f"[{words}]", *more])
    head = [*dict.fromkeys(imports), ""] if imports else []
    return "\n".join(
        [
            *head,
            f"from samekey.testing import{uses} replay",
            "",
            *lines,
            f"replay({arguments})",
            "",
        ]
    )
