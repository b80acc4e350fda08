"""Dead letters over the API: groups, parking, purging, dry runs, redriving as runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from console_scene import SECRET, Scene, scene
from holdfast.message import Failure
from holdfast.queue.contract import Filter
from process_kit import until

_ = scene


ORDER = b'{"id":"1","total":5,"kind":"order.paid"}'


def test_groups_and_their_letters(scene: Scene) -> None:
    """What fails as few problems, each with its letters, by filter and page by page."""
    orders = [scene.dead(cause=f"no order {n}") for n in range(3)]
    scene.dead(cause="no stock")
    get = scene.client.get

    page = get("/dead/groups")
    assert (page["groups"], page["letters"]) == (2, 4)
    group = next(one for one in page["items"] if one["message"] == "no order <n>")
    assert (group["count"], group["state"], group["error"]) == (3, "Handle", "KeyError")
    assert group["example"] == orders[-1]
    assert get(f"/dead/groups/{group['id'][:6]}") == group
    assert len(get("/dead/groups", limit="1")["items"]) == 1
    assert get("/dead/groups", reason="expired")["items"] == []
    largest = get("/dead/groups", sort="largest")["items"]
    assert [one["count"] for one in largest] == [3, 1]
    letters = get("/dead/letters", group=group["id"], limit="2")
    assert [one["id"] for one in letters["items"]] == [orders[2], orders[1]]
    assert letters["items"][0]["message"] == "no order 2"
    rest = get("/dead/letters", group=group["id"], limit="2", after=letters["after"])
    assert [one["id"] for one in rest["items"]] == [orders[0]]
    assert rest["after"] is None
    letter = get(f"/dead/letters/{orders[0]}")
    assert (letter["group"], letter["cause"]) == (group["id"], "no order 0")
    scene.client.fails("GET", "/dead/groups/1234", 404)
    scene.client.fails("GET", "/dead/letters/ffffffff", 404)


def test_letters_are_parked_and_taken_out_again(scene: Scene) -> None:
    """By group, by id; they leave the groups, and are written down with who did it."""
    ids = [scene.dead(cause=f"no order {n}") for n in range(3)]
    (group,) = scene.client.get("/dead/groups")["items"]
    post = scene.client.post

    assert post("/dead/park", group=group["id"]) == {"action": "park", "selected": 3, "done": 3}
    assert scene.client.get("/dead/groups")["items"] == []
    (parked,) = scene.client.get("/dead/groups", parked="only")["items"]
    assert parked["count"] == 3
    assert scene.client.get(f"/events/{ids[0]}")["parked_at"]
    assert post("/dead/unpark", ids=[ids[0]])["done"] == 1
    assert post("/dead/unpark", group=group["id"])["done"] == 2
    assert scene.engine.parked() == {}
    (act, *_) = scene.client.get("/audit", action="unpark")["items"]
    assert (act["target"], act["detail"]["letters"], act["via"]) == (group["id"], 2, "console")


def test_the_beginning_of_a_group_will_do(scene: Scene) -> None:
    """Wherever a group is named: nothing is taken for an empty one because its id was cut."""
    for n in range(3):
        scene.dead(cause=f"no order {n}")
    (group,) = scene.client.get("/dead/groups")["items"]
    begun = group["id"][:6]
    post = scene.client.post

    assert post("/dead/redrive", 202, group=begun, dry_run=True)["total"] == 3
    assert post("/dead/park", group=begun)["done"] == 3
    assert post("/dead/unpark", group=begun)["done"] == 3
    assert post("/dead/purge", group=begun, expect=3)["done"] == 3
    scene.client.fails("POST", "/dead/redrive", 404, json={"group": begun})


def test_purging_takes_the_right_number(scene: Scene) -> None:
    """Where there are others than somebody saw, nothing goes; what is parked is not meant."""
    ids = [scene.dead(cause=f"no order {n}") for n in range(3)]
    scene.engine.park([ids[0]])

    error = scene.client.fails("POST", "/dead/purge", 409, json={"all": True, "expect": 3})
    assert (error["code"], error["detail"]) == ("not_as_expected", {"selected": 2})
    assert len(scene.engine.browse(Filter())) == 3
    assert scene.client.post("/dead/purge", all=True, expect=2)["done"] == 2
    assert [one.message.id for one in scene.engine.browse(Filter())] == [ids[0]]
    for body in ({}, {"expect": 1}, {"ids": [ids[0]], "webhook": "plain", "expect": 1}):
        scene.client.fails("POST", "/dead/purge", 400, json=body)
    scene.client.fails("POST", "/dead/park", 404, json={"webhook": "none"})
    scene.client.fails("POST", "/dead/park", 404, json={"ids": ["ffffffff"]})


def dry(scene: Scene, **asked: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = scene.client.post("/dead/dry-run", **asked)["items"]
    return items


def test_a_dry_run_says_what_would_be_called(scene: Scene) -> None:
    """With which input, from which state, on the assumption that is told; nothing is called."""
    id = scene.dead("orders", "Busy", "x", "Charge", id=scene.order(ORDER))

    (went,) = dry(scene, ids=[id])

    assert [(call["state"], call["source"]) for call in went["calls"]] == [
        ("Charge", "assumed"),
        ("Ship", "assumed"),
    ]
    assert went["calls"][0]["input"]["value"]["body"]["total"] == 5
    assert went["calls"][1]["input"]["value"]["payment"] is None
    assert (went["would"], went["assumed"]) == ("done", True)
    assert went["passed"]["states"]["Ship"] == "succeeded"
    assert scene.engine.depth()[0].dead == 1
    assert SECRET not in str(went)


def test_a_dry_run_takes_what_it_is_told(scene: Scene) -> None:
    """By state or by task; errors are retried and caught as the document says."""
    id = scene.dead("orders", "Busy", "x", "Charge", id=scene.order(ORDER))
    large = scene.dead(
        "orders", "Busy", "x", "Charge", id=scene.order(ORDER.replace(b":5", b":500"))
    )

    (paid,) = dry(scene, ids=[id], mocks={"Charge": {"result": {"ok": True}}, "ship": {}})
    assert paid["assumed"] is False
    assert paid["calls"][1]["input"]["value"]["payment"] == {"ok": True}
    (busy,) = dry(scene, ids=[id], mocks={"charge": {"error": "Busy"}})
    assert (busy["would"], busy["error"], busy["state"]) == ("retried", "Busy", "Charge")
    assert len(busy["calls"]) == 4
    assert busy["waits"] == [1, 2, 4]
    (never,) = dry(scene, ids=[id], mocks={"charge": {"error": "Permanent", "cause": "no"}})
    assert (never["would"], never["reason"]) == ("dead", "permanent")
    (stopped,) = dry(scene, ids=[large], mocks={"charge": {"result": 1}})
    assert (stopped["would"], stopped["error"], stopped["state"]) == ("retried", "TooLarge", "Stop")
    assert stopped["passed"]["states"]["Stop"] == "failed"


def test_a_dry_run_verifies_for_real(scene: Scene) -> None:
    """A forger stays one, and a body that does not fit the model is said to be quarantined."""
    forged = scene.dead("orders", "V", "x", "Verify", id=scene.order(ORDER, signed=False))
    misfit = scene.dead("orders", "V", "x", "Verify", id=scene.order(b'{"id":"1","total":-1}'))

    (went,) = dry(scene, ids=[forged])
    assert (went["would"], went["reason"], went["state"]) == ("dead", "header_missing", "Verify")
    assert went["calls"][0]["source"] == "performed"
    (went,) = dry(scene, ids=[misfit])
    assert (went["would"], went["reason"]) == ("dead", "schema_invalid")


def test_a_dry_run_remembers_what_succeeded(scene: Scene) -> None:
    """A task that an earlier attempt got a result from comes to the same, unless told otherwise."""
    id = scene.order(ORDER)
    (first,) = dry(scene, ids=[id])
    charged = first["calls"][0]["input"]["value"]
    asked = {"resource": "charge", "input": {**charged, "attempt": 2}}
    told: tuple[tuple[int, int, str, dict[str, Any]], ...] = (
        (1, 0, "LambdaFunctionScheduled", asked),
        (2, 1, "LambdaFunctionStarted", {}),
        (3, 2, "LambdaFunctionSucceeded", {"output": {"paid": 5}}),
        (4, 3, "LambdaFunctionScheduled", {"resource": "ship", "input": {}}),
        (5, 4, "LambdaFunctionFailed", {"error": "X"}),
    )
    history = tuple(
        {"id": id, "previousEventId": previous, "type": type, "details": details}
        for id, previous, type, details in told
    )
    scene.dead("orders", "X", "x", "Ship", id=id, history=history)

    (went,) = dry(scene, ids=[id])
    assert [(call["source"], call["result"]) for call in went["calls"]] == [
        ("recorded", {"paid": 5}),
        ("assumed", None),
    ]
    (went,) = dry(scene, ids=[id], results="assumed")
    assert [call["source"] for call in went["calls"]] == ["assumed", "assumed"]


def test_a_dry_run_of_a_group(scene: Scene) -> None:
    """As many of its letters as are asked for; one that asks for nothing is told so."""
    for n in range(3):
        scene.dead("orders", "Busy", f"no {n}", "Charge", id=scene.order(ORDER))
    (group,) = scene.client.get("/dead/groups")["items"]

    assert len(dry(scene, group=group["id"], limit=2)) == 2
    for body in ({}, {"ids": ["x"], "group": group["id"]}, {"group": group["id"], "limit": 21}):
        scene.client.fails("POST", "/dead/dry-run", 400, json=body)
    scene.client.fails("POST", "/dead/dry-run", 404, json={"ids": ["ffffffff"]})


class Working:
    """Stands in for a worker: what waits at `plain` is worked until told to stop."""

    def __init__(self, scene: Scene, failing: frozenset[str] = frozenset()) -> None:
        self._scene = scene
        self._failing = failing
        self._over = threading.Event()
        self.worked: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        engine = self._scene.engine
        while not self._over.is_set():
            for lease in engine.receive("plain", 10, 60, 0.05):
                self.worked.append(lease.message.id)
                if lease.message.id in self._failing:
                    engine.bury(lease.receipt, Failure("KeyError", "no", "Handle", 1, 1, "again"))
                else:
                    engine.settle([lease.receipt])

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


def ended(scene: Scene, id: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        run: dict[str, Any] = scene.client.get(f"/runs/{id}")
        return None if run["active"] else run

    return until(found, "the run has ended")


def test_a_run_tries_a_few_and_goes_on(scene: Scene) -> None:
    """All of the group is sent back and done; the run is listed, and so is who began it."""
    letters = [scene.dead(cause=f"no order {n}") for n in range(12)]
    (group,) = scene.client.get("/dead/groups")["items"]
    planned = scene.client.post("/dead/redrive", 202, group=group["id"], try_first=2, dry_run=True)
    assert (planned["total"], scene.client.get("/runs")["items"]) == (12, [])
    working = Working(scene)
    try:
        run = scene.client.post("/dead/redrive", 202, group=group["id"], try_first=2)
        told = ended(scene, run["id"])
    finally:
        working.stop()

    assert (told["stage"], told["done"], told["dead"], told["left"]) == ("finished", 12, 0, 0)
    assert sorted(working.worked) == sorted(letters)
    assert scene.client.get("/runs", webhook="plain")["items"] == [told]
    assert scene.client.get("/runs", active="true")["items"] == []
    (act,) = scene.client.get("/audit", action="redrive")["items"]
    assert (act["target"], act["webhook"]) == (run["id"], "plain")
    timeline = scene.client.get(f"/events/{letters[0]}")["timeline"]
    redriven = next(one for one in timeline if one["kind"] == "redriven")
    assert redriven["detail"] == {
        "operator": run["operator"], "via": "console", "run": run["id"],
    }  # fmt: skip


def test_a_run_stops_by_itself(scene: Scene) -> None:
    """The first few came back dead, so the others are left alone."""
    letters = [scene.dead(cause=f"no order {n}") for n in range(12)]
    working = Working(scene, frozenset(letters))
    try:
        run = scene.client.post("/dead/redrive", 202, all=True, try_first=5)
        told = ended(scene, run["id"])
    finally:
        working.stop()

    assert (told["stage"], told["dead"], told["left"]) == ("stopped", 5, 7)
    assert told["reason"] == "5 of 5 came back dead"
    assert len(working.worked) == 5


def test_one_run_at_a_time_that_can_be_cancelled(scene: Scene) -> None:
    """Another is refused and told which is in the way; what was not sent stays dead."""
    for n in range(20):
        scene.dead(cause=f"no order {n}")
    run = scene.client.post("/dead/redrive", 202, webhook="plain", rate=1)

    error = scene.client.fails("POST", "/dead/redrive", 409, json={"webhook": "plain"})
    assert error["detail"] == {"run": run["id"]}
    scene.client.fails("POST", f"/runs/{run['id']}/go-on", 409, json={})
    scene.client.post(f"/runs/{run['id']}/cancel")
    told = ended(scene, run["id"])

    assert told["stage"] == "cancelled"
    assert told["left"] == 20 - told["sent"] > 0
    scene.client.fails("POST", f"/runs/{run['id']}/cancel", 409, json={})
    scene.client.fails("POST", "/runs/none/cancel", 404, json={})
    scene.client.fails("GET", "/runs/none", 404)
    actions = [act["action"] for act in scene.client.get("/audit")["items"]]
    assert actions == ["redrive.cancel", "redrive"]


def test_a_run_that_tried_waits_to_be_told(scene: Scene) -> None:
    """It says so, holds its webhook, and goes on when somebody says that it may."""
    for n in range(4):
        scene.dead(cause=f"no order {n}")
    working = Working(scene)
    try:
        run = scene.client.post("/dead/redrive", 202, all=True, try_first=2, go_on=False)
        path = f"/runs/{run['id']}"
        until(lambda: scene.client.get(path)["stage"] == "tried", "it has tried")
        assert len(working.worked) == 2
        scene.client.post(f"{path}/go-on")
        assert ended(scene, run["id"])["done"] == 4
    finally:
        working.stop()


@pytest.mark.parametrize("wrong", [{"stop_at": "often"}, {"rate": 0}, {"try_first": -1}, {}])
def test_a_run_that_makes_no_sense_is_refused(scene: Scene, wrong: dict[str, Any]) -> None:
    """Before anything is sent."""
    scene.dead()
    body = {"all": True, **wrong} if wrong else {}

    scene.client.fails("POST", "/dead/redrive", 400, json=body)
    scene.client.fails("POST", "/dead/redrive", 404, json={"group": "1" * 16})
