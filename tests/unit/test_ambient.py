"""A call deep inside an SDK belongs to the operation around it."""

import asyncio
import contextvars

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
import pytest

from samekey._ambient import SCOPE, Scope, operation
from samekey.errors import InvalidKey
from samekey.keys import Operation


URL = httpx.URL("https://api.example.com/charges?expand=1#top")


def here(method="POST", url=URL):
    """Give the id of a call that is made here."""
    scope = SCOPE.get()
    return None if scope is None else scope.at(method, url).id


class TestScope:
    def test_id(self):
        """A call is named by the ambient id, the steps, method and path."""
        scope = Scope(Operation(("order", 1)), ("capture", 2))

        inside = scope.at("POST", URL)

        assert (("order", 1), "capture", 2, "POST", "/charges") == inside.id

    def test_kept(self):
        """A call has the generation of the ambient operation, and its force."""
        scope = Scope(Operation("order-1", generation=3, force=True))

        inside = scope.at("POST", URL)

        assert (3, True) == (inside.generation, inside.force)

    def test_root(self):
        """A call to a host without a path has the path of its root."""
        scope = Scope(Operation("order-1"))

        inside = scope.at("POST", httpx.URL("https://api.example.com"))

        assert ("order-1", "POST", "/") == inside.id

    def test_told_apart(self):
        """Ids and steps that read alike are different operations."""
        ids = [
            Scope(Operation("a"), ("b",)),
            Scope(Operation(("a", "b"))),
            Scope(Operation("a"), (("b",),)),
            Scope(Operation("a"), ("b", "POST", "/charges")),
            Scope(Operation("a"), ("POST", "/charges", "b")),
            Scope(Operation("a")),
        ]

        written = {scope.at("POST", URL).encoded() for scope in ids}

        assert len(ids) == len(written)


class TestOperation:
    def test_outside(self):
        """Outside of any operation there is none."""
        assert SCOPE.get() is None

    def test_inside(self):
        """Inside, calls belong to it; after it, they do not."""
        with operation(("order", 1)) as op:
            inside = here()

        assert isinstance(op, operation)
        assert (("order", 1), "POST", "/charges") == inside
        assert here() is None

    def test_whole_operation(self):
        """An `Operation` can be given, to start a new generation."""
        whole = Operation("order-1", generation=2)

        with operation(whole):
            scope = SCOPE.get()

        assert whole is scope.operation

    @pytest.mark.parametrize(
        ("id", "kind"),
        [("", InvalidKey), ((), InvalidKey), (None, TypeError)],
    )
    def test_refused(self, id, kind):  # noqa: A002 -- as the parameter
        """An id that everyone shares is refused at once."""
        with pytest.raises(kind, match=r"^an? .*operation id must .*$"):
            operation(id)

    def test_inner(self):
        """An inner operation replaces the outer one while it lasts."""
        with operation("outer") as outer, outer.step("one"):
            with operation("inner"):
                inside = here()
            after = here()

        assert ("inner", "POST", "/charges") == inside
        assert ("outer", "one", "POST", "/charges") == after

    def test_again(self):
        """One operation object can be entered twice, also inside itself."""
        op = operation("order-1")
        with op, op:
            pass
        with op:
            inside = here()

        assert ("order-1", "POST", "/charges") == inside
        assert SCOPE.get() is None

    def test_exception(self):
        """An operation that is left by an exception is left."""
        with pytest.raises(KeyError), operation("a") as op, op.step("b"):
            raise KeyError

        assert SCOPE.get() is None


class TestStep:
    def test_nested(self):
        """Steps add up, and end one by one."""
        with operation("order") as op:
            with op.step("capture"):
                with op.step(2):
                    both = here()
                one = here()
            none = here()

        assert ("order", "capture", 2, "POST", "/charges") == both
        assert ("order", "capture", "POST", "/charges") == one
        assert ("order", "POST", "/charges") == none

    def test_after_inner(self):
        """A step of the outer operation is one, inside an inner one too."""
        with operation("outer") as outer, operation("inner") as inner:
            with outer.step("one"):
                of_outer = here()
            with inner.step("two"):
                of_inner = here()

        assert ("outer", "one", "POST", "/charges") == of_outer
        assert ("inner", "two", "POST", "/charges") == of_inner

    def test_without_with(self):
        """A step works where the operation itself was not entered."""
        op = operation("order")

        with op.step("capture"):
            inside = here()

        assert ("order", "capture", "POST", "/charges") == inside

    @pytest.mark.parametrize(
        ("name", "kind"), [("", InvalidKey), (None, TypeError)]
    )
    def test_refused(self, name, kind):
        """A step that tells nothing apart is refused, and changes nothing."""
        with operation("order") as op:
            before = here()
            with (
                pytest.raises(kind, match=r"^a part of an operation id .*$"),
                op.step(name),
            ):
                pass  # pragma: no cover -- it is not entered

            assert before == here()

    def test_equal_ids_of_two_types(self):
        """A step is of its own operation, not of one with an equal number."""
        with operation(1) as op, operation(Decimal(1)), op.step("a"):
            inside = here()

        assert int is type(inside[0])


class TestContexts:
    def test_task(self):
        """Tasks inherit the operation that they are made in."""

        async def main():
            with operation("order-1"):
                task = asyncio.create_task(ask())
            return await task

        async def ask():
            return here()

        assert ("order-1", "POST", "/charges") == asyncio.run(main())

    def test_pool_thread(self):
        """Threads of a pool do not inherit it, unless given the context."""
        with ThreadPoolExecutor(1) as pool, operation("order-1"):
            plain = pool.submit(here).result()
            context = contextvars.copy_context()
            given = pool.submit(context.run, here).result()

        assert plain is None
        assert ("order-1", "POST", "/charges") == given

    def test_shared(self):
        """Two tasks can be inside one operation object at once."""
        op = operation("order-1")
        one, other = (contextvars.copy_context() for _ in range(2))
        one.run(op.__enter__)
        other.run(op.__enter__)
        one.run(op.__exit__, None, None, None)

        assert one.run(SCOPE.get) is None
        assert "order-1" == other.run(here)[0]
        other.run(op.__exit__, None, None, None)
        assert other.run(SCOPE.get) is None
