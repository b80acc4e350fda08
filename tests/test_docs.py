"""The documentation says what the code does: its samples run, its tables are compared."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import typer

import holdfast
from holdfast import steps, testing
from holdfast.cli import app as cli
from holdfast.cli.lazy import COMMANDS
from holdfast.compile import compile_app
from holdfast.console.routes import ENDPOINTS
from holdfast.definition import Answer, App, Pipe, Queue, RateLimit, Webhook
from holdfast.queue.contract import LIFE
from holdfast.runtime.exposition import exposition
from holdfast.runtime.metrics import Counts, Totals
from holdfast.starter import STARTER, STARTER_NAME
from holdfast.steps.step import Work
from holdfast.telemetry import EVENTS
from holdfast.verify import REASONS
from holdfast.verify.settings import DEFAULTS as SETTINGS
from holdfast.workflow.drawing import draw

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
DEFINITION: Final = ROOT / "docs/definition.md"
STEPS: Final = ROOT / "docs/steps.md"
OPERATIONS: Final = ROOT / "docs/operations.md"

_PYTHON: Final = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FENCE: Final = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_EVERYWHERE: Final = {"--store", "--queue", "--output", "--help"}
_VERB: Final = re.compile(r"holdfast ([a-z]+)")


def _command(words: tuple[str, ...]) -> Any:
    found: Any = typer.main.get_command(cli)
    for word in words:
        found = found.commands[word]
    return found


def _commands() -> list[tuple[str, ...]]:
    """Every command, and every command below one."""
    nested = [
        (name, below) for name in COMMANDS for below in getattr(_command((name,)), "commands", ())
    ]
    return [*((name,) for name in COMMANDS), *nested]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(page: Path) -> str:
    """The page's Python from top to bottom, on the lines where it stands."""
    text, lines = page.read_text(), [""] * 2_000
    for block in _PYTHON.finditer(text):
        first = text.count("\n", 0, block.start(1))
        for place, line in enumerate(block[1].splitlines(), first):
            lines[place] = line
    return "\n".join(lines).rstrip() + "\n"


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", page.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found is not None, f"{shown(page)} has no heading {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every table in the text, without heads and rules."""
    lines = text.splitlines()
    rules = [place for place, line in enumerate(lines) if re.fullmatch(r"\|( -+ \|)+", line)]
    found = []
    for rule in rules:
        for line in lines[rule + 1 :]:
            if not line.startswith("|"):
                break
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            found.append([cell.strip().replace("\\|", "|") for cell in cells])
    return found


def defaults(text: str) -> dict[str, Any]:
    """Setting and default, as the first two columns of the tables say."""
    return {
        name.strip("`"): ... if default == "required" else ast.literal_eval(default.strip("`"))
        for name, default, *_ in rows(text)
    }


def signature_defaults(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {
        each.name: ... if each.default is each.empty else each.default
        for each in parameters
        if each.name != "self"
    }


def field_defaults(kind: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in dataclasses.fields(kind):
        if each.default_factory is not dataclasses.MISSING:
            found[each.name] = each.default_factory()
        else:
            found[each.name] = ... if each.default is dataclasses.MISSING else each.default
    return found


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with what the pages take to be there: `hooks.py`, and the example's workflow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / STARTER_NAME).write_text(STARTER)
    shutil.copy(ROOT / "examples/orders.asl.json", tmp_path)
    yield tmp_path
    for module in ("hooks", "page"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if _PYTHON.search(page.read_text())], ids=shown
)
def test_the_code_of_a_page_runs(page: Path, beside: Path) -> None:
    """Read as one file, it is a definition without mistakes, and its own tests pass."""
    (beside / "page.py").write_text(code(page))

    for name, value in list(vars(importlib.import_module("page")).items()):
        if isinstance(value, App):
            compile_app(value)
        if name.startswith("test_"):
            value()


def test_the_readme_shows_what_init_writes() -> None:
    """Its first sample is the starter without the comments."""
    block = _PYTHON.search((ROOT / "README.md").read_text())
    assert block is not None
    starter = ast.parse(STARTER)
    starter.body.pop(0)  # the docstring

    assert ast.dump(ast.parse(block[1])) == ast.dump(starter)


def test_the_life_of_a_message_is_the_contracts() -> None:
    """The table in the concepts is `LIFE`, row by row."""
    page = (ROOT / "docs/concepts.md").read_text()
    table = page.partition("<!-- life")[2].partition("<!-- /life -->")[0]

    assert rows(table) == [
        [step.source or "-", step.event, step.target or "-", step.note] for step in LIFE
    ]


HMAC: Final = {
    name: default
    for name, default in signature_defaults(holdfast.hmac).items()
    if name != "settings"
} | dict(SETTINGS)


@pytest.mark.parametrize(
    ("heading", "real"),
    [
        ("Settings", signature_defaults(App.webhook)),
        ("Forward", signature_defaults(Webhook.forward)),
        ("`hmac`: any scheme that signs", HMAC),
        ("Queue", field_defaults(Queue)),
        ("Pipe", field_defaults(Pipe)),
        ("Answer", field_defaults(Answer)),
        ("Rate limit and addresses", field_defaults(RateLimit)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_setting_is_there_with_its_default(heading: str, real: Mapping[str, Any]) -> None:
    """The reference leaves no setting out, invents none, and gives the default that the code has."""
    assert defaults(section(DEFINITION, heading)) == real


def step_defaults(text: str) -> dict[str, Any]:
    """Setting and default, where a row may have several settings, and some need none."""
    return {
        name: ast.literal_eval(default.strip("`")) if default.startswith("`") else ...
        for names, default, *_ in rows(text)
        for name in re.findall(r"`(\w+)`", names)
    }


@pytest.mark.parametrize(
    ("heading", "real"),
    [
        ("task", signature_defaults(steps.task)),
        ("choose", signature_defaults(steps.choose)),
        ("each", signature_defaults(steps.each)),
        ("call", signature_defaults(steps.call)),
        ("send", signature_defaults(steps.send)),
        ("retry", signature_defaults(Work.retry)),
        ("catch", signature_defaults(Work.catch) | {"errors": Exception}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_setting_of_a_step_is_there(heading: str, real: Mapping[str, Any]) -> None:
    """The page on steps leaves none out, invents none, and gives the defaults of the code."""
    text = section(STEPS, heading).replace("`Exception`", f"`{'Exception'!r}`")
    written = {
        name: Exception if default == "Exception" else default
        for name, default in step_defaults(text).items()
    }

    assert written == real


def test_every_step_is_there() -> None:
    """What can be imported from `holdfast.steps` is explained on its page."""
    text = STEPS.read_text()

    assert [name for name in steps.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_the_drawing_on_the_page_is_drawn(beside: Path) -> None:
    """It is what the first sample of the page becomes."""
    (beside / "page.py").write_text(code(STEPS))
    app: App = importlib.import_module("page").app
    webhook = compile_app(app).webhook("/orders")
    shown_drawing = re.search(
        r"^```mermaid\n(.*?)^```$", STEPS.read_text(), re.DOTALL | re.MULTILINE
    )

    assert webhook is not None
    assert shown_drawing is not None
    assert draw(webhook.workflow) == shown_drawing[1]


def test_every_field_of_an_event_is_there() -> None:
    """What a handler can read off its event is what the reference says."""
    cells = [row[0] for row in rows(section(DEFINITION, "The event"))]

    assert re.findall(r"`(\w+)`", " ".join(cells)) == [
        *("id", "webhook", "type", "delivery_id", "received_at", "attempt"),
        *("headers", "body", "raw", "method", "path", "query", "params"),
    ]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == set(field_defaults(holdfast.Event))


def test_every_reason_is_explained() -> None:
    """The table of reasons is `REASONS`, word by word."""
    table = {name.strip("`"): meaning for name, meaning in rows(section(DEFINITION, "Reasons"))}

    assert table == dict(REASONS)


def test_every_refusal_of_the_gateway_is_in_the_table() -> None:
    """The named reasons in the gateway's source, and those in the reference, are the same."""
    given = set()
    for module in ("intake", "door", "answers"):
        tree = ast.parse((ROOT / f"src/holdfast/gateway/{module}.py").read_text())
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(
                call.func, "id", getattr(call.func, "attr", "")
            ) in ("refuse", "_refuse", "_note", "_unavailable", "_unfinished"):
                given |= {
                    argument.value
                    for argument in call.args
                    if isinstance(argument, ast.Constant)
                    and isinstance(argument.value, str)
                    and re.fullmatch(r"[a-z]+(_[a-z]+)+", argument.value)
                }
    cells = [row[2] for row in rows(section(DEFINITION, "What the gateway answers"))]

    assert sorted(given) == sorted(re.findall(r"`(\w+)`", " ".join(cells)))


def test_every_kind_of_telemetry_is_in_the_table() -> None:
    """Event, level, fields and meaning are those of `EVENTS`."""
    table = rows(
        OPERATIONS.read_text().partition("<!-- events")[2].partition("<!-- /events -->")[0]
    )

    assert table == [
        [f"`{kind.name}`", kind.level, ", ".join(kind.fields), kind.meaning]
        for kind in EVENTS.values()
    ]


def test_every_endpoint_is_in_the_table() -> None:
    """The page of the API lists what is served, in its order, and nothing else."""
    page = (ROOT / "docs/api.md").read_text()
    table = rows(page.partition("<!-- endpoints")[2].partition("<!-- /endpoints")[0])

    assert table == [[f"`{one.method} {one.path}`", one.summary] for one in ENDPOINTS]


def test_every_code_of_a_problem_is_on_the_page() -> None:
    """Whatever an error may be called is explained."""
    told = (ROOT / "docs/api.md").read_text()
    console = ROOT / "src/holdfast/console"
    made = "\n".join(path.read_text() for path in console.rglob("*.py"))
    codes = set(re.findall(r"(?:Problem|Denied)\(\s*\d+,\s*\"(\w+)\"", made))
    codes |= set(re.findall(r"^    \(\w+, \d+, \"(\w+)\"\),$", made, re.MULTILINE))

    assert len(codes) > 15
    assert [code for code in codes if f"`{code}`" not in told] == []


def test_every_metric_is_in_the_table() -> None:
    """Whatever `/metrics` can show is explained, and nothing else."""
    counts, totals = Counts(), Totals()
    numbers = ("bytes", "count", "duration_ms")
    for kind in EVENTS.values():
        counts(kind, {name: 1 if name in numbers else "x" for name in kind.fields})
    totals.report(1, counts.rows())
    page = exposition(totals, [], 0).decode()
    real = re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)

    table = rows(OPERATIONS.read_text().partition("<!-- metrics")[2].partition("<!-- /metrics")[0])

    assert sorted(row[0].strip("`").partition("{")[0] for row in table) == sorted(real)


def test_every_public_name_is_mentioned() -> None:
    """What can be imported can be looked up."""
    text = "\n".join(page.read_text() for page in PAGES)
    public = [*holdfast.__all__, *testing.__all__]

    assert [name for name in public if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files that are linked are there, and so are the headings."""
    broken = []
    for link in _LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def anchors(page: Path) -> list[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_every_command_that_is_named_exists() -> None:
    """`holdfast run`, wherever it is written as code, is a verb of the command line."""
    named = set()
    for page in PAGES:
        text = _FENCE.sub("", page.read_text())
        spans = re.findall(r"`([^`]+)`", text) + re.findall(r"^ {4}(.*)$", text, re.MULTILINE)
        for span in spans:
            named |= set(_VERB.findall(span))

    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_option_of_a_command_is_there(command: tuple[str, ...]) -> None:
    """What `--help` lists under a command is what the page lists under its heading."""
    documented = section(ROOT / "docs/cli.md", " ".join(command))
    options = {
        name
        for parameter in _command(command).params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--") and name not in _EVERYWHERE
    }

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", documented)) - _EVERYWHERE == options


def test_the_version_is_one_number() -> None:
    """The package and its metadata agree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == holdfast.__version__
