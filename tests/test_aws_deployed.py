"""A deployed stack as a store: its URL, and what its outputs say."""

from __future__ import annotations

import dataclasses
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

from holdfast.aws.deployed import Account, Deployed, Parts, StackEngine, find, parse
from holdfast.errors import ExtraMissing, StoreError
from holdfast.queue.engines.sqs.location import QueueNames
from holdfast.runtime.store import describe_store, is_deployed, is_shared, provision_store

USERS = Parts(
    webhook="users",
    url="https://abc.execute-api.eu-central-1.amazonaws.com/live/users",
    queue="https://sqs.eu-central-1.amazonaws.com/123456789012/Hooks-usersqueue",
    dead="https://sqs.eu-central-1.amazonaws.com/123456789012/Hooks-usersdead",
    pipe="Hooks-userspipe",
    machine="arn:aws:states:eu-central-1:123456789012:stateMachine:Hooks",
    senders="orders=AROAX",
)


def test_a_stack_is_a_store_that_several_machines_share() -> None:
    """It is shown by its name and Region, and is made by deploying it and in no other way."""
    url = "aws:Hooks?region=eu-central-1"

    assert (is_shared(url), is_deployed(url), is_deployed("sqs://hooks")) == (True, True, False)
    assert describe_store(url) == "aws:Hooks in eu-central-1"
    with pytest.raises(Exception, match="holdfast synth"):
        provision_store(url, {}, {})


@pytest.mark.parametrize(
    "url", ["aws:", "aws:1st", "aws:Hooks?colour=red", "aws://Hooks", "aws:a_b"]
)
def test_what_names_no_stack_is_refused(url: str) -> None:
    """With the form that it should have."""
    with pytest.raises(StoreError, match="aws:STACK"):
        parse(url)


def test_the_engine_is_given_the_queues_and_the_table_of_the_stack() -> None:
    """By name; their settings are the template's, so nothing here changes them."""
    deployed = Deployed(parse("aws:Hooks?region=eu-central-1"), "Hooks-table", {"users": USERS})
    location = deployed.location

    assert location.names("users") == QueueNames("Hooks-usersqueue", "Hooks-usersdead")
    assert (location.ledger, location.prefix, location.owned) == ("Hooks-table", "Hooks", False)
    assert location.region == "eu-central-1"
    assert location.senders == {"users": {"AROAX": "orders"}}
    assert deployed.base_url() == "https://abc.execute-api.eu-central-1.amazonaws.com/live"


class Pipes:
    """What AWS tells of pipes, and is asked."""

    target = parse("aws:Hooks?region=eu-central-1")

    def __init__(self, **told: str) -> None:
        self.told = told
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, _service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        self.asked.append((operation, arguments))
        return {"RoleArn": "arn:role", "TargetParameters": {"a": 1}, **self.told}


@pytest.mark.parametrize(("desired", "paused"), [("STOPPED", True), ("RUNNING", False)])
def test_a_pause_is_what_is_wished_for(desired: str, *, paused: bool) -> None:
    """Not what the pipe is at the moment, which takes it a while; an update loses no setting."""
    other = {"STOPPED": "RUNNING", "RUNNING": "STOPPED"}[desired]
    pipes: Any = Pipes(DesiredState=desired, CurrentState=other)
    engine = StackEngine(pipes, Deployed(pipes.target, "Hooks-table", {"users": USERS}))

    told = engine.paused("users")
    engine.pause("users")
    engine.close()

    assert told is paused
    assert pipes.asked[-1] == (
        "update_pipe",
        {
            "Name": "Hooks-userspipe",
            "RoleArn": "arn:role",
            "DesiredState": "STOPPED",
            "TargetParameters": {"a": 1},
        },
    )


def test_a_stack_of_another_version_is_read() -> None:
    """An older one says less, and a newer one more."""
    told = {name: getattr(USERS, name) for name in USERS.__dataclass_fields__}
    del told["senders"]

    assert Parts.of({**told, "colour": "red"}) == dataclasses.replace(USERS, senders="")


def test_a_missing_cdk_is_told_by_the_name_of_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "aws_cdk" else find(name))
    for name in [name for name in sys.modules if name.startswith("holdfast.aws.stack")]:
        monkeypatch.delitem(sys.modules, name)

    with pytest.raises(ExtraMissing, match=r"pip install 'holdfast\[cdk\]'"):
        import_module("holdfast.aws.stack")


def test_a_missing_region_is_told_as_of_queues(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With what to write; not by the name of the call that would have needed it."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    with pytest.raises(StoreError, match=r"^no AWS region is set: write aws:STACK\?region=REGION"):
        find(Account(parse("aws:Hooks")))
