"""The rules of the house as functions: a source text goes in, what is wrong with it comes out."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

LINES_MAX: Final = 400
BANNED_NAMES: Final = frozenset(
    {"job", "util", "utils", "helper", "helpers", "manager", "common", "base", "impl"}
)
UNFINISHED: Final = ("TODO", "FIXME", "XXX")


@dataclass(frozen=True)
class Source:
    """One Python file: its path in the repository, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def module(self) -> str:
        """`src/holdfast/cli/__init__.py` is `holdfast.cli`."""
        name = self.path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        return name.removesuffix(".__init__")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    def comments(self, *words: str) -> Iterator[tuple[int, str]]:
        """Of a file that has one of these words; telling comments from texts takes its time."""
        if not any(word in self.text for word in words):
            return
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


Rule = Callable[[Source], Iterable[str]]


def imports(source: Source, modules: frozenset[str]) -> set[str]:
    """The modules among `modules` that this one imports, wherever in it the import stands."""
    found = set()
    for node in source.nodes:
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(str(origin), names, 0):
                for alias in names:
                    part = f"{origin}.{alias.name}"
                    found.add(part if part in modules else origin)
            case ast.Call(ast.Name("import_module"), [ast.Constant(str(name)), *_]):
                found.add(name)
    return (found & modules) - {source.module}


def upward(graph: Mapping[str, set[str]], rungs: Mapping[str, int]) -> list[str]:
    """Modules without a rung, and imports from a higher one."""
    wrong = [f"{name} has no rung" for name in graph if name not in rungs]
    wrong += [f"{name} stands on a rung but does not exist" for name in rungs if name not in graph]
    wrong += [
        f"{name} (rung {rungs[name]}) imports {other} (rung {rungs[other]})"
        for name, others in graph.items()
        for other in others
        if name in rungs and other in rungs and rungs[other] > rungs[name]
    ]
    return wrong


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """A way from a module back to itself; empty where there is none."""
    finished: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in finished:
            return []
        for other in sorted(graph.get(name, ())):
            if found := visit(other, [*way, name]):
                return found
        finished.add(name)
        return []

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def reads_time(source: Source) -> Iterator[str]:
    """Time comes from a Clock; only clock.py reads it."""
    if source.path == "src/holdfast/clock.py":
        return
    for node in source.nodes:
        match node:
            case ast.Import(names) if any(alias.name == "time" for alias in names):
                yield f"{source.path}:{node.lineno} imports time"
            case ast.ImportFrom("time"):
                yield f"{source.path}:{node.lineno} imports from time"
            case ast.Attribute(_, "now" | "utcnow" | "today" as name):
                yield f"{source.path}:{node.lineno} reads the time with {name}"
            case ast.Call(ast.Attribute(_, "time"), [], []):
                yield f"{source.path}:{node.lineno} reads a loop's time"


def imported_only_in(package: str, where: str) -> Rule:
    """`package` is imported only in files whose path begins with `where`."""

    def rule(source: Source) -> Iterator[str]:
        if source.path.startswith(where):
            return
        for node in source.nodes:
            match node:
                case ast.Import(names):
                    told = [alias.name for alias in names]
                case ast.ImportFrom(str(origin), _, 0):
                    told = [origin]
                case _:
                    continue
            if any(name.split(".")[0] == package for name in told):
                yield f"{source.path}:{node.lineno} imports {package}"

    return rule


def too_long(source: Source) -> Iterator[str]:
    """Files stay short; the next noun gets a file of its own."""
    count = len(source.text.splitlines())
    if count > LINES_MAX:
        yield f"{source.path} has {count} lines, {LINES_MAX} at the most"


def unfinished(source: Source) -> Iterator[str]:
    """Nothing is left for later: no marks, no stubs."""
    for line, comment in source.comments(*UNFINISHED):
        yield from (f"{source.path}:{line} {mark}" for mark in UNFINISHED if mark in comment)
    for number, line_text in enumerate(source.text.splitlines(), 1):
        if re.match(r"\s*pass\s+#", line_text):
            yield f"{source.path}:{number} an excuse beside a pass"
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield f"{source.path}:{node.lineno} NotImplementedError"


def silent_ignores(source: Source) -> Iterator[str]:
    """Whoever silences a checker says why beside it."""
    for line, comment in source.comments("noqa", "ignore"):
        for ignore in re.findall(r"(?:noqa|type:\s*ignore)\b(.*)", comment):
            said = re.sub(r"^(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[\w, -]*\])", "", ignore)
            if not re.search(r"[a-z]{2}", said):
                yield f"{source.path}:{line} ignores without a reason"


def sleeps(source: Source) -> Iterator[str]:
    """A test waits for a condition, never for time to pass."""
    for node in source.nodes:
        match node:
            case ast.Call(ast.Attribute(ast.Name("time" | "asyncio"), "sleep")):
                yield f"{source.path}:{node.lineno} sleeps"
            case ast.ImportFrom("time" | "asyncio", names):
                if any(alias.name == "sleep" for alias in names):
                    yield f"{source.path}:{node.lineno} imports sleep"


def silent_tests(source: Source) -> Iterator[str]:
    """Every test says in one sentence what it proves."""
    for node in source.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("test_"):
            continue
        said = (ast.get_docstring(node) or "").partition("\n\n")[0].strip()
        if not said.endswith("."):
            yield f"{source.path}:{node.lineno} {node.name} does not say in a sentence what it proves"


def vague_names(source: Source) -> Iterator[str]:
    """Modules and classes are named for what they are."""
    names = [(0, part) for part in source.path.removesuffix(".py").split("/")]
    names += [(node.lineno, node.name) for node in source.nodes if isinstance(node, ast.ClassDef)]
    for line, name in names:
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
        for word in BANNED_NAMES & {word.lower() for word in words}:
            yield f"{source.path}:{line} {name}: say what it is, not {word!r}"


def machine_paths(source: Source) -> Iterator[str]:
    """No file knows the machine it was written on, nor where packages come from."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(r"(?<![\w.-])/(?:work|root|Users|home/(?!ada\b)\w+)/", line):
            yield f"{source.path}:{number} names a path of one machine"
        if re.search(r"\b(?:pypi\.org|pythonhosted\.org|proxy\.golang\.org)\b", line):
            yield f"{source.path}:{number} names a registry"
