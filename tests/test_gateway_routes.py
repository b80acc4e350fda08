"""Paths, media types and rates: the small parts of the door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.gateway.media import MediaTypes
from holdfast.gateway.rate import TokenBucket
from holdfast.gateway.routes import Router

PATHS = (
    "/",
    "/users",
    "/users/",
    "/users/{id}",
    "/users/me",
    "/{tenant}/orders",
    "/{tenant}/{kind}",
    "/a/{x}/c",
    "/{x}/b/c",
    "/caf\u00e9",
)
ROUTER = Router((path, path) for path in PATHS)


@pytest.mark.parametrize(
    ("path", "target", "params"),
    [
        ("/", "/", {}),
        ("/users", "/users", {}),
        ("/users/", "/users/", {}),
        ("/users/me", "/users/me", {}),
        ("/users/7", "/users/{id}", {"id": "7"}),
        ("/users/orders", "/users/{id}", {"id": "orders"}),
        ("/acme/orders", "/{tenant}/orders", {"tenant": "acme"}),
        ("/acme/x", "/{tenant}/{kind}", {"tenant": "acme", "kind": "x"}),
        ("/a/b/c", "/a/{x}/c", {"x": "b"}),
        ("/z/b/c", "/{x}/b/c", {"x": "z"}),
        ("/us%65rs", "/users", {}),
        ("/users/a%2Fb", "/users/{id}", {"id": "a/b"}),
        ("/users/%C3%A9", "/users/{id}", {"id": "\u00e9"}),
        ("/users/%ff", "/users/{id}", {"id": "\ufffd"}),
        ("/users/a%zz", "/users/{id}", {"id": "a%zz"}),
        ("/users/a+b", "/users/{id}", {"id": "a+b"}),
        ("/caf%C3%A9", "/caf\u00e9", {}),
    ],
)
def test_a_path_finds_its_route(path: str, target: str, params: dict[str, str]) -> None:
    """Exact first, then the more literal template; parameters are decoded segment by segment."""
    assert ROUTER.find(path) == (target, params)


@pytest.mark.parametrize("path", ["", "/nothing", "//users", "/users//", "/users/7/x/y", "/USERS"])
def test_other_paths_find_nothing(path: str) -> None:
    """A trailing slash, an empty segment and another case make another path."""
    assert ROUTER.find(path) is None


@given(st.text())
def test_any_path_is_found_or_not(path: str) -> None:
    """No path makes the router raise."""
    found = ROUTER.find(path)

    assert found is None or found[0] in PATHS


@pytest.mark.parametrize(
    ("accepted", "given_type", "taken"),
    [
        (("application/json",), "application/json", True),
        (("application/json",), "application/json; charset=utf-8", True),
        (("application/json",), " Application/JSON ;charset=utf-8", True),
        (("application/json",), None, True),
        (("application/json",), "", True),
        (("application/json",), "text/plain", False),
        (("application/json",), "application/jsonp", False),
        (("Application/JSON",), "application/json", True),
        (("text/*",), "text/xml", True),
        (("text/*",), "textual/xml", False),
        (("text/*",), None, False),
        (("application/*",), None, True),
        (("text/xml", "application/json"), "text/xml;x=y", True),
        (("*/*",), None, True),
        (("*/*",), "nonsense", True),
    ],
)
def test_media_types(accepted: tuple[str, ...], given_type: str | None, taken: bool) -> None:
    """Parameters do not count, families match, and a missing type is taken for JSON."""
    assert MediaTypes(accepted).accepts(given_type) == taken


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    """Three at once, then one every half second; waiting longer never saves up more than three."""
    bucket = TokenBucket(per_second=2.0, burst=3)

    assert [bucket.take(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(100.25) == pytest.approx(0.25)
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) == pytest.approx(0.5)
    assert [bucket.take(900.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


@given(
    st.lists(st.floats(0, 5), max_size=60),
    st.floats(0.1, 50),
    st.integers(1, 20),
)
def test_a_bucket_never_gives_more_than_it_promised(
    waits: list[float], per_second: float, burst: int
) -> None:
    """Whatever the rhythm: at most the burst plus what the time that passed brought."""
    bucket, now, granted = TokenBucket(per_second, burst), 0.0, 0
    for wait in waits:
        now += wait
        granted += bucket.take(now) == 0.0

    assert granted <= burst + now * per_second + 1e-6
