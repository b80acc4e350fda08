"""The house, held: the ladder, where time and SQLite may be, names, lengths, tests that speak."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from house import (
    Rule,
    Source,
    cycle,
    imported_only_in,
    imports,
    machine_paths,
    reads_time,
    silent_ignores,
    silent_tests,
    sleeps,
    too_long,
    unfinished,
    upward,
    vague_names,
)

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("src", "tests", "bench", "examples")

# From the ground up. A module imports from its own rung or from those below it, never from above.
# `x.*` stands for whatever is in the package x; every other module is named.
LADDER: Final[Mapping[int, str]] = {
    0: "errors clock places",
    1: "message envelope sent telemetry secrets keyring",
    2: "alerts definition compiled starter steps steps.*",
    3: """
        queue queue.contract queue.views queue.fingerprint queue.matching verify verify.* providers providers.*
        gateway gateway.schema gateway.handshakes gateway.handshakes.* gateway.routes gateway.media gateway.rate
        workflow workflow.asl workflow.reading workflow.mapping workflow.shaping workflow.resources
        workflow.fields workflow.states workflow.sources workflow.recovery workflow.choice workflow.conditions
        workflow.paths workflow.misses workflow.failures workflow.ways workflow.steps workflow.filters workflow.intrinsics workflow.functions
        workflow.templates workflow.queries workflow.jsonata workflow.timestamps workflow.limits
        workflow.flow workflow.input workflow.result workflow.events
        workflow.arguments workflow.references workflow.sdk workflow.urls workflow.form_encoding
        workflow.http_invoke workflow.http_answer workflow.lambda_invoke workflow.sqs_send
        workflow.sqs_attributes workflow.signing workflow.bounds workflow.drawing workflow.within
    """,
    4: """
        compile compile.* sample testing.*
        gateway.intake gateway.gate gateway.answers gateway.greeting gateway.tokens
        pipe pipe.batch pipe.disposition pipe.stock
        workflow.machine workflow.turn workflow.execution workflow.forks workflow.chronicle workflow.retained
        workflow.outcome workflow.tally workflow.traced
        aws.patterns aws.keywords aws.models aws.media aws.mapping aws.velocity aws.answers aws.mock
        aws.contract aws.carried aws.calls aws.state_machine aws.resources aws.limits aws.door
        aws.behind aws.roles aws.watching aws.alerting aws.cost aws.differences aws.differences.* aws.plan aws.bundle
    """,
    5: """
        gateway.door gateway.traced gateway.asgi gateway.serve gateway.sockets gateway.patience gateway.visits
        pipe.runner pipe.endings pipe.tasks pipe.bell pipe.gate
        workflow.runner workflow.tasks workflow.crew workflow.forward
        workflow.http_client workflow.http_call workflow.queues workflow.underway
        queue.engines queue.engines.* queue.group_commit queue.lines
    """,
    6: """
        operate operate.* console console.* testing testing.webhook
        aws aws.deployed aws.stack aws.stack.* aws.worker aws.worker.* aws.parity aws.parity.*
    """,
    7: "runtime runtime.* terminal terminal.*",
    8: "cli cli.*",
    9: "holdfast __main__",
}

RULES: Final[Mapping[str, tuple[tuple[str, ...], Rule, tuple[str, ...]]]] = {
    # name: (the folders it holds for, the rule, sources that break it)
    "time is read in clock.py": (
        ("src",),
        reads_time,
        (
            "import time\n",
            "from time import monotonic\n",
            "def f():\n    return datetime.now(UTC)\n",
            "def f(loop):\n    return loop.time()\n",
        ),
    ),
    "SQLite is in its engine": (
        ("src",),
        imported_only_in("apsw", "src/holdfast/queue/engines/sqlite/"),
        ("def f():\n    import apsw.ext\n",),
    ),
    "Python's own SQLite is nowhere": (
        ("src",),
        imported_only_in("sqlite3", "nowhere"),
        ("import sqlite3\n",),
    ),
    "Granian is in serve.py": (
        ("src",),
        imported_only_in("granian", "src/holdfast/gateway/serve.py"),
        ("from granian.server import embed\n",),
    ),
    "OpenTelemetry is in spans.py": (
        ("src",),
        imported_only_in("opentelemetry", "src/holdfast/runtime/spans.py"),
        ("def f():\n    from opentelemetry import trace\n",),
    ),
    "files are short": (("src", "tests", "bench"), too_long, ("x = 1\n" * 401,)),
    "nothing is left for later": (
        FOLDERS,
        unfinished,
        (
            "x = 1  # TO" + "DO: more\n",
            "def f():\n    raise NotImplemented" + "Error\n",
            "try:\n    f()\nexcept E:\n    pass" + "  # well\n",
        ),
    ),
    "ignores have reasons": (
        FOLDERS,
        silent_ignores,
        (
            "import x  # no" + "qa: E402\n",
            "import x  # no" + "qa\n",
            "x = f()  # type: ig" + "nore[no-any-return]\n",
        ),
    ),
    "tests do not sleep": (
        ("tests",),
        sleeps,
        ("import asyncio\nasyncio.sl" + "eep(1)\n", "from time import sl" + "eep\n"),
    ),
    "tests speak": (
        ("tests", "src"),
        silent_tests,
        ("def test_x() -> None:\n    assert True\n", 'def test_x() -> None:\n    """x"""\n'),
    ),
    "names say what things are": (
        FOLDERS,
        vague_names,
        ("class LeaseManager:\n    x = 1\n", "class HTTPUtil:\n    x = 1\n"),
    ),
    "no machine is named": (
        FOLDERS,
        machine_paths,
        ('x = "/ro' + 'ot/holdfast"\n', 'x = "https://py' + 'pi.org/simple"\n'),
    ),
}


@cache
def files_of(name: str) -> tuple[Source, ...]:
    """Each file once, however many rules ask for it: most of the time goes into parsing them.

    Not in hidden folders, where runs leave what they made.
    """
    paths = sorted(path.relative_to(ROOT) for path in (ROOT / name).rglob("*.py"))
    return tuple(
        Source(path.as_posix(), (ROOT / path).read_text("utf-8"))
        for path in paths
        if not any(part.startswith(".") for part in path.parts)
    )


def sources(*folders: str) -> tuple[Source, ...]:
    return tuple(source for name in folders for source in files_of(name))


@cache
def graph() -> dict[str, set[str]]:
    ours = sources("src")
    modules = frozenset(source.module for source in ours)
    return {source.module: imports(source, modules) for source in ours}


def rungs(modules: set[str]) -> dict[str, int]:
    """The rung of every module that the ladder names."""
    found: dict[str, int] = {}
    for rung, names in LADDER.items():
        for name in names.split():
            full = name if name == "holdfast" else f"holdfast.{name}"
            if full.endswith(".*"):
                inside = full.removesuffix("*")
                found |= {module: rung for module in modules if module.startswith(inside)}
            else:
                found[full] = rung
    return found


def test_no_module_imports_from_a_higher_rung() -> None:
    """Every module stands on the ladder, and what it imports stands no higher."""
    found = graph()

    assert upward(found, rungs(set(found))) == []


def test_no_imports_go_in_a_circle() -> None:
    """From no module do imports lead back to it, those inside functions included."""
    assert cycle(graph()) == []


def test_the_ladder_can_be_broken() -> None:
    """An import from above, an unknown module, a vanished one and a circle are all found."""
    modules = frozenset({"holdfast.clock", "holdfast.cli", "holdfast.cli.run"})
    low = Source("src/holdfast/clock.py", "def f():\n    from holdfast.cli import run\n")
    named = Source("src/holdfast/clock.py", "def f():\n    import_module('holdfast.cli')\n")

    assert imports(low, modules) == {"holdfast.cli.run"}
    assert imports(named, modules) == {"holdfast.cli"}
    assert upward({"a": {"b"}, "b": set()}, {"a": 0, "b": 1}) == ["a (rung 0) imports b (rung 1)"]
    assert upward({"a": set()}, {}) == ["a has no rung"]
    assert upward({}, {"a": 0}) == ["a stands on a rung but does not exist"]
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.parametrize("name", RULES)
def test_the_tree_keeps_the_rule(name: str) -> None:
    """No file in the folders that a rule holds for breaks it."""
    folders, rule, _ = RULES[name]

    assert [wrong for source in sources(*folders) for wrong in rule(source)] == []


@pytest.mark.parametrize("name", RULES)
def test_the_rule_can_be_broken(name: str) -> None:
    """The rule finds each source that breaks it, and lets a harmless one through."""
    _, rule, broken = RULES[name]

    for text in broken:
        assert list(rule(Source("src/holdfast/broken.py", text))), text
    assert not list(rule(Source("src/holdfast/sound.py", '"""Nothing wrong here."""\n')))


def test_a_vague_module_is_found_by_its_path() -> None:
    """A file may not be called utils either."""
    assert list(vague_names(Source("src/holdfast/queue/utils.py", "")))


def test_ignores_with_a_reason_are_let_through() -> None:
    """A reason beside the code, after a dash or a second hash, is enough."""
    source = Source(
        "src/holdfast/x.py",
        "import x  # no" + "qa: E402 - after the line above\n"
        "y = f()  # type: ig" + "nore[misc]  # asyncio's own names\n",
    )

    assert list(silent_ignores(source)) == []


def test_no_text_file_knows_this_machine() -> None:
    """Documents, settings and the Makefile name no path of a machine and no registry."""
    texts = [path for path in ROOT.iterdir() if path.suffix in (".md", ".toml", "")]
    texts += (ROOT / "docs").rglob("*.md")
    found = [
        wrong
        for path in texts
        if path.is_file() and path.name != ".git"  # a file in a worktree
        for wrong in machine_paths(
            Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
        )
    ]

    assert found == []


def test_decisions_are_numbered() -> None:
    """Each decision has a number of its own, and none is left out."""
    folder = ROOT / "docs" / "decisions"
    names = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    numbers = [int(name[:4]) for name in names if re.match(r"\d{4}-[a-z0-9-]+\.md$", name)]

    assert len(numbers) == len(names)
    assert numbers == list(range(1, len(numbers) + 1))


def test_there_is_a_changelog() -> None:
    """Whoever upgrades finds what changed."""
    assert (ROOT / "CHANGELOG.md").read_text("utf-8").startswith("# Changelog\n")


def test_the_two_commands_of_the_readme_exist() -> None:
    """`make run` and `make test` stand in the README and in the Makefile."""
    readme = (ROOT / "README.md").read_text("utf-8")
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    for command in ("run", "test"):
        assert f"make {command}" in readme
        assert command in targets


def test_make_run_says_what_takes_long_and_moves_every_port() -> None:
    """A line before pip, which is silent; and no port is named that nobody asked for."""

    def told(*given: str) -> str:
        ports = {"PORT", "OPS_PORT", "CONSOLE_PORT", "MAKEFLAGS", "MAKELEVEL"}
        rest = {name: value for name, value in os.environ.items() if name not in ports}
        make = ["make", "--dry-run", "--always-make", "run", *given]
        run = subprocess.run(  # noqa: S603 - the Makefile's own target, and nothing of it is done
            make, cwd=ROOT, env=rest, capture_output=True, text=True, check=True
        )
        return run.stdout

    plain = told()
    assert plain.index("this can take minutes") < plain.index("pip install")
    assert "--console-port" not in plain
    moved = told("PORT=1", "OPS_PORT=2", "CONSOLE_PORT=3")
    assert "--port 1 --ops-port 2 --console-port 3" in " ".join(moved.replace("\\", "").split())


def test_the_files_that_go_first_are_there() -> None:
    """A renamed one would quietly lose its place at the front."""
    named = re.findall(
        r'^    "(\w+\.py)",$', (ROOT / "conftest.py").read_text("utf-8"), re.MULTILINE
    )

    assert len(named) > 1
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
