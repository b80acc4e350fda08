"""The schema of a body: from a type, a mapping or a file; and schemas that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.gateway.schema import BodySchema
from written import compiled, mistakes

HANDLER = "\ndef f(event): ...\n"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

WRONG: dict[str, list[str]] = {
    'schema={"type": "strin"}': [
        (
            'schema: at /type: "strin" is not a type (did you mean "string"?); '
            "allowed: null, boolean, object, array, number, string, integer"
        )
    ],
    'schema={"minimum": "1", "required": "a"}': [
        'schema: at /minimum: "1" is not of type "number"',
        'schema: at /required: "a" is not of type "array"',
    ],
    'schema={"properties": {"a": {"pattern": "("}}}': [
        'schema: at /properties/a/pattern: "(" is not a "regex"'
    ],
    'schema={"$ref": "#/$defs/Nope"}': [
        "schema: cannot be compiled: Pointer '/$defs/Nope' does not exist"
    ],
    'schema={"$ref": "https://example.com/user.json"}': [
        (
            'schema: refers to "https://example.com/user.json", outside this schema; '
            "put that under $defs"
        )
    ],
    'schema={"$schema": "http://json-schema.org/draft-07/schema#"}': [
        (
            'schema: $schema is "http://json-schema.org/draft-07/schema#"; '
            f'only draft 2020-12 is read: "{DRAFT}"'
        )
    ],
    'schema={"const": {1, 2}}': [
        "schema: holds something that is not JSON: Type is not JSON serializable: set"
    ],
    "schema=7": ['schema: 7 is not a JSON Schema; write a mapping or "user.schema.json"'],
    'schema="none.json"': [
        'schema: "none.json" is not there; files are looked for beside the definition'
    ],
    'schema="broken.json"': ['schema: "broken.json" is not JSON: line 2, column 1'],
    'schema="list.json"': [
        'schema: [] is not a JSON Schema; write a mapping or "user.schema.json"'
    ],
    'schema="."': ['schema: "." cannot be read: Is a directory'],
    "schema={}, body=int": ["schema: body= already gives the schema; leave one of them out"],
    "body=Callable[[], int]": ["body: typing.Callable[[], int] has no JSON Schema: "],
    "body=7": ["body: 7 has no JSON Schema: "],
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_schema_that_cannot_be_used_is_explained(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fault of a schema is named with its path in the schema."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{\n")
    (tmp_path / "list.json").write_text("[]")

    found = mistakes(tmp_path, f'@app.webhook("/u", {setting}){HANDLER}')

    assert len(WRONG[setting]) == len(found)
    for expected, mistake in zip(WRONG[setting], found, strict=True):
        assert mistake.startswith(f"@ /u {expected}")


def test_a_type_without_a_schema_is_named_at_its_handler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the annotation gives the type, the annotated function is at fault."""
    monkeypatch.chdir(tmp_path)
    text = 'class Own: ...\n@app.webhook("/u")\ndef f(event: Event[Own]): ...\n'

    found = mistakes(tmp_path, text)

    assert len(found) == 1
    assert found[0].startswith("hooks.py:13 /u f: Own has no JSON Schema: Unable to generate")


def test_the_schema_is_the_same_however_it_is_given(tmp_path: Path) -> None:
    """A mapping and a file beside the definition come to the same, wherever one stands."""
    schema = {"type": "object", "required": ["id"], "$schema": DRAFT}
    (tmp_path / "user.schema.json").write_text(json.dumps(schema))

    by_file = compiled(tmp_path, f'@app.webhook("/u", schema="user.schema.json"){HANDLER}')
    by_mapping = compiled(tmp_path, f'@app.webhook("/u", schema={schema}){HANDLER}')

    assert schema == by_file.schema == by_mapping.schema
    assert by_file.content_types == ("application/json",)
    assert by_file.body_model is None


def test_a_schema_and_an_annotation_stand_together(tmp_path: Path) -> None:
    """The door holds bodies to the schema, the first state to the type."""
    webhook = compiled(
        tmp_path, '@app.webhook("/u", schema={"type": "object"})\ndef f(event: Event[User]): ...\n'
    )

    assert webhook.schema == {"type": "object"}
    assert webhook.body_model.__name__ == "User"


def test_aliases_are_the_names_that_senders_use(tmp_path: Path) -> None:
    """The schema speaks of a field as JSON does."""
    text = (
        "class Push(BaseModel):\n"
        '    from_: str = Field(alias="from")\n'
        '@app.webhook("/u")\ndef f(event: Event[Push]): ...\n'
    )

    schema = compiled(tmp_path, text).schema

    assert schema is not None
    assert schema["required"] == ["from"]


def test_the_schema_is_the_contract(tmp_path: Path) -> None:
    """pydantic would read "18" as a number; the door holds senders to what the schema says."""
    schema = compiled(tmp_path, '@app.webhook("/u", body=User)' + HANDLER).schema

    assert schema is not None
    assert BodySchema(schema).violations(b'{"name": "Ada", "age": 18}') == ()
    assert [
        each.path for each in BodySchema(schema).violations(b'{"name": "Ada", "age": "18"}')
    ] == ["/age"]


@pytest.mark.parametrize(
    ("annotation", "model"),
    [("Event", None), ("Event[Any]", None), ("Event[bytes]", bytes), ("Event[str]", str)],
)
def test_an_annotation_may_leave_the_body_open(
    annotation: str, model: type | None, tmp_path: Path
) -> None:
    """No type, or the body as it came: bodies of any kind are taken."""
    webhook = compiled(tmp_path, f'@app.webhook("/u")\ndef f(event: {annotation}): ...\n')

    assert webhook.schema is None
    assert webhook.body_model is model
    assert webhook.content_types == ("*/*",)


@pytest.mark.parametrize("model", ["list[User]", "dict[str, int]", "User | int", "Literal['a']"])
def test_any_type_that_pydantic_knows_is_a_body(model: str, tmp_path: Path) -> None:
    """Bodies need not be models."""
    webhook = compiled(tmp_path, f'@app.webhook("/u")\ndef f(event: Event[{model}]): ...\n')

    assert webhook.schema is not None
    assert webhook.body_model is not None
