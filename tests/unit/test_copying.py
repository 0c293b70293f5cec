"""A request's copy has all that the request has, but two things."""

from __future__ import annotations

import httpx
import httpx2
import pytest

from samekey._copying import copy_of, references


LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2])


class Other:
    """A class that is made in another way."""


class Fuller(httpx.Request):
    """A request that always has something else."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.tag = "x"


def check(request):
    copy = copy_of(request, "headers", "extensions")

    assert type(copy) is type(request)
    assert vars(copy) == {
        **vars(request),
        "headers": "headers",
        "extensions": "extensions",
    }


def make(library, kind=None, **options):
    return (kind or library.Request)("POST", "http://x/", **options)


@LIBRARIES
def test_known(library):
    """Requests of both libraries are copied by the names they have."""
    assert references(library.Request) == 7


def test_unknown():
    """What has other attributes, or is made in another way, is not."""
    assert [-1, -1] == [references(Fuller), references(Other)]
    check(make(httpx, Fuller, content=b"x"))


@LIBRARIES
@pytest.mark.parametrize("body", [b"", b"x", iter([b"x"])])
@pytest.mark.parametrize("tags", [(), ("tag",), ("tag", "other")])
def test_attributes(library, body, tags):
    """What a user has set on a request is copied, too."""
    request = make(library, content=body)
    for tag in tags:
        setattr(request, tag, tag)

    check(request)


@LIBRARIES
def test_looked_at(library):
    """A request whose attributes somebody has looked at is copied as well."""
    request = make(library, content=b"x")
    assert vars(request)

    check(request)
