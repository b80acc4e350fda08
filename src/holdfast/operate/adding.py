"""A webhook written into a definition: text in, text out. Nothing that is there is touched.

The names that it needs are imported, the webhook is put at the end (before a `__main__` block), and
all else stays as it is, byte for byte.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.errors import HoldfastError
from holdfast.providers.words import written

LINE_MAX: Final = 100
UNKNOWN_HOST: Final = "https://YOUR-HOST"
"""Stands where nobody has said yet under which address the gateway is reached."""


@dataclass(frozen=True, slots=True)
class Added:
    """What is to be written: `call` as in `providers.stripe("env:STRIPE_SECRET")`."""

    path: str
    call: str
    name: str
    """Of the variable, and of the function after `on_`."""
    title: str
    provider: str
    """The sender's id."""
    verify_at: str = "workflow"

    def line(self, app: str, variable: str) -> str:
        """`stripe = app.webhook("/stripe", provider=...)`, on several lines where it is long."""
        settings = [written(self.path), f"provider={self.call}"]
        if self.verify_at != "workflow":
            settings.append(f'verify_at="{self.verify_at}"')
        line = f"{variable} = {app}.webhook({', '.join(settings)})"
        if len(line) <= LINE_MAX:
            return line
        return f"{variable} = {app}.webhook(\n    " + ",\n    ".join(settings) + ",\n)"


def with_webhook(text: str, added: Added) -> str:
    """The definition with one more webhook. Raises HoldfastError where there is no App to add it to."""
    if text.count("\r\n") == text.count("\n") > 0:
        return with_webhook(text.replace("\r\n", "\n"), added).replace("\n", "\r\n")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise HoldfastError(f"line {error.lineno}: {error.msg}; mend that first") from None
    app = _app(tree)
    variable = _free(added.name, tree)
    handler = _free(f"on_{added.name}", tree)
    block = (
        f"# {added.title}: `holdfast providers show {added.provider}` tells all about it.\n"
        f"{added.line(app, variable)}\n\n\n@{variable}\ndef {handler}(event: Event) -> None:\n"
        '    print(f"{event.type} {event.delivery_id}")\n'
    )
    return _with_imports(_with_block(text, tree, block), tree, ("Event", "providers"))


def _app(tree: ast.Module) -> str:
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        made = node.value.func
        called = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
        target = node.targets[0]
        if called == "App" and isinstance(target, ast.Name):
            return target.id
    raise HoldfastError("no App is made here at the top level; write app = App() first")


def _free(name: str, tree: ast.Module) -> str:
    taken = set(_names(tree))
    return next(
        each for each in (name, *(f"{name}_{number}" for number in range(2, 1_000)))
        if each not in taken
    )  # fmt: skip


def _names(tree: ast.Module) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _with_block(text: str, tree: ast.Module, block: str) -> str:
    """At the end; before what only runs where the file is started by itself."""
    main = next((node for node in tree.body if _is_main(node)), None)
    if main is None:
        body = text.rstrip("\n")
        return f"{body}\n\n\n{block}" if body else block
    lines = text.splitlines(keepends=True)
    before = "".join(lines[: main.lineno - 1]).rstrip("\n")
    return f"{before}\n\n\n{block}\n\n{''.join(lines[main.lineno - 1 :])}"


def _is_main(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )


def _with_imports(text: str, tree: ast.Module, wanted: Sequence[str]) -> str:
    """The names, from `holdfast`: on a line that imports from it already if they fit there."""
    ours = [
        node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "holdfast"
    ]
    known = {alias.name for node in ours for alias in node.names if alias.asname is None}
    lacking = [name for name in wanted if name not in known]
    if not lacking:
        return text
    lines = text.splitlines(keepends=True)
    for node in ours:
        line = lines[node.lineno - 1]
        longer = f"{line.rstrip()}, {', '.join(lacking)}"
        plain = node.lineno == node.end_lineno and not set("()#;\\") & set(line)
        if plain and len(longer) <= LINE_MAX:
            lines[node.lineno - 1] = longer + line[len(line.rstrip()) :]
            return "".join(lines)
    place = _after_imports(tree)
    lines.insert(place, f"from holdfast import {', '.join(lacking)}\n")
    return "".join(lines)


def _after_imports(tree: ast.Module) -> int:
    """The line after the last import at the top; after the docstring where there is none."""
    place = 0
    for position, node in enumerate(tree.body):
        is_docstring = position == 0 and isinstance(node, ast.Expr)
        if not (is_docstring or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        place = node.end_lineno or place
    return place
