"""What checking a signature costs beside the HMAC itself: `python -m bench.verify`."""

from __future__ import annotations

import argparse
import hmac
import secrets
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from bench import machine
from bench.table import Row, lines, show
from holdfast import providers
from holdfast.definition import Verification
from holdfast.message import Headers, Request

BODY = b'{"action": "opened", "text": "' + b"x" * 2_000 + b'"}'

NOW = 1_700_000_000.0


def measure(times: int, rounds: int) -> list[Row]:
    """A check and a signature as GitHub makes them, against `hmac.digest` over the same bytes."""
    secret = secrets.token_urlsafe(32)
    key = secret.encode()
    github = providers.github("env:GITHUB_SECRET").verification
    plain = Request("POST", "/github", "", Headers.of({"X-GitHub-Event": "issues"}), BODY)
    signed = github.sign(plain, secret, NOW)
    micros = _micros(
        {
            "bare": lambda: hmac.digest(key, BODY, "sha256"),
            "check": lambda: github.check(signed, [secret], NOW),
            "sign": lambda: github.sign(plain, secret, NOW),
        },
        times,
        rounds,
    )
    others = _micros(_others(secret), times // 10, rounds)
    ratio = micros["check"] / micros["bare"]
    return [
        Row(
            f"check of a {len(BODY):,} byte body / bare hmac.digest",
            f"{ratio:.2f} ({micros['check']:.2f} us / {micros['bare']:.2f} us)",
            "<= 3",
            ratio <= 3,
        ),
        Row("  signing it", f"{micros['sign']:.2f} us"),
        *(Row(f"  check as {name} makes it", f"{each:.1f} us") for name, each in others.items()),
    ]


def _others(secret: str) -> dict[str, Callable[[], object]]:
    """Checks of other kinds: entries and a time, several contents, a hash in a token."""
    plain = Request("POST", "/in", "", Headers(), BODY, origin="https://hooks.example.com")
    livekit = providers.livekit("env:SECRET", api_key="key").verification
    schemes = {
        "Stripe": providers.stripe("env:SECRET").verification,
        "Twilio": providers.twilio("env:SECRET").verification,
        "LiveKit": livekit,
    }
    return {name: _check(scheme, plain, secret) for name, scheme in schemes.items()}


def _check(scheme: Verification, plain: Request, secret: str) -> Callable[[], object]:
    signed = scheme.sign(plain, secret, NOW)
    return lambda: scheme.check(signed, [secret], NOW)


def _micros(subjects: dict[str, Callable[[], object]], times: int, rounds: int) -> dict[str, float]:
    """The median over rounds, in which the subjects take turns, of the microseconds for a call."""
    took: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, call in subjects.items():
            began = time.perf_counter()
            for _ in range(times):
                call()
            took[name].append((time.perf_counter() - began) / times * 1e6)
    return {name: statistics.median(each) for name, each in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.verify", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="short, and judges nothing")
    smoke = parser.parse_args().smoke
    print(lines(("machine", ""), machine.describe(Path())), "\n")
    print(show(measure(500, 3) if smoke else measure(20_000, 21), judge=not smoke))


if __name__ == "__main__":
    main()
