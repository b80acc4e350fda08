"""The workflow's document as the state machine of a pipe: the same states for every record of a batch.

    Records (Map)
      Record     the document as it runs locally, start, states and all
      Settled    a delivery that was worked is remembered; only where delivery ids are known
      Failed     which way with an error
        duplicate      -> Worked: another message was worked under the same id; or it is a ping
        quarantined    -> Quarantined: to dead letters with its reason, then Worked
        last receive   -> Exhausted: to dead letters with error and cause, then Worked
        otherwise      -> Kept
      Worked     the record is done: Pipes deletes it
      Kept       the record is named in `batchItemFailures`: it comes back after its visibility timeout
    Answer       which of the records were kept, for Pipes

Should the sending to dead letters fail, the record is kept, and SQS moves it by itself after its last
receive: without a reason, but not lost. An error that nothing may catch (`States.Runtime`) and the
machine's own limit of time end the whole execution; Pipes then keeps the whole batch.

What is around the document asks nothing of it: its fields stay where they are, whatever its query
language. The states around it are JSONata, each by its own word for it. One field is added: Verify,
which here has no limit but the document's, ends before its function is ended without a name for it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from holdfast.aws.carried import task_of
from holdfast.aws.contract import (
    DEAD_LETTERS,
    IS_DONE,
    IS_QUARANTINED,
    REASON,
    SENDERS,
    SETTLE,
)
from holdfast.envelope import LetterAttribute
from holdfast.sent import AN_ENVELOPE
from holdfast.workflow.asl import VERIFY

TASK_SECONDS: Final = 15
"""For functions of ours around the work, where the document does not say: a cold start takes two or
three."""

CAUSE_MAX: Final = 4_096
"""Characters of a cause beside a letter: with the largest message they still fit into one call."""

_RECORD: Final = "$states.context.Map.Item.Value"
_RECEIVES: Final = f"{_RECORD}.attributes.ApproximateReceiveCount"
_ATTRIBUTES: Final = f"$merge([{{}}, {_RECORD}.messageAttributes])"
"""An object also where there are none."""

_ROLE: Final = f"$substringBefore({_RECORD}.attributes.SenderId, ':')"
_BY_WORKFLOW: Final = (
    f"$exists({_RECORD}.attributes.SenderId) and $contains('${{{SENDERS}}} ', '=' & {_ROLE} & ' ')"
)
"""Who sent the record is among `orders=AROA1 mails=AROA2`."""

_FIRST_SENT: Final = (
    f"$string({{'by': {_RECORD}.attributes.SenderId, 'id': {_RECORD}.messageId, "
    f"'at': {_RECORD}.attributes.SentTimestamp, 'attributes': {_ATTRIBUTES}}})"
)
_WRITTEN: Final = f"{_RECORD}.messageAttributes.{LetterAttribute.SENT}.stringValue"
_SENT: Final = (
    f"{_BY_WORKFLOW} ? {_FIRST_SENT} : $exists({_WRITTEN}) ? {_WRITTEN} : '{AN_ENVELOPE}'"
)
"""What is known of how the record came into the queue, as `holdfast.sent` reads it."""

_TRANSIENT: Final = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
)
"""Lambda did not run the function, or did not say so: a second may be enough, and a receive is saved."""


def state_machine(
    document: Mapping[str, Any],
    *,
    timeout_seconds: int,
    concurrency: int,
    max_receive_count: int,
    settles: bool,
    sent_to: bool,
) -> str:
    """The text. `concurrency`: records worked at the same time. `settles`: delivery ids are known.
    `sent_to`: workflows send to this queue."""
    name = _Names(_names(document))
    around = _around(name, max_receive_count, settles=settles, sent_to=sent_to)
    record = _record(document, name, after=name("Settled" if settles else "Worked"))
    processor = {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": name("Record"),
        "States": {name("Record"): record, **around},
    }
    head = {
        key: document[key] for key in ("Comment", "QueryLanguage", "Version") if key in document
    }
    whole = {
        **head,
        "StartAt": name("Records"),
        "TimeoutSeconds": timeout_seconds,
        "States": {
            name("Records"): _records(processor, concurrency, after=name("Answer")),
            name("Answer"): _answer(),
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


class _Names:
    """The states around the document, none of them called like one inside."""

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = taken

    def __call__(self, name: str) -> str:
        while name in self._taken:
            name += "'"
        return name


def _names(node: Any) -> set[str]:
    """Of all states of a document, those inside others too."""
    if isinstance(node, list):
        return {name for each in node for name in _names(each)}
    if not isinstance(node, Mapping):
        return set()
    states = node.get("States")
    own = set(states) if isinstance(states, Mapping) else set()
    return own.union(*map(_names, node.values()))


def _records(processor: Mapping[str, Any], concurrency: int, after: str) -> dict[str, Any]:
    """Nothing in it asks for a language: the states inside keep the document's, whoever they ask."""
    return {
        "Type": "Map",
        "MaxConcurrency": concurrency,
        "ItemProcessor": processor,
        "Next": after,
    }


def _answer() -> dict[str, Any]:
    """What Pipes reads. A list also where there is one, or none."""
    failed = "{% [$states.input[$exists(itemIdentifier)]] %}"
    return _end({"batchItemFailures": failed})


def _record(document: Mapping[str, Any], name: _Names, after: str) -> dict[str, Any]:
    """One branch, because a failure anywhere in it can then be caught in one place."""
    queries = document.get("QueryLanguage") == "JSONata"
    result: dict[str, Any] = {"Output": {}} if queries else {"ResultPath": None}
    states = _limited(document["States"], min(TASK_SECONDS, document["TimeoutSeconds"]))
    return {
        "Type": "Parallel",
        "Branches": [{"StartAt": document["StartAt"], "States": states}],
        "Retry": [_again(list(_TRANSIENT))],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": name("Failed")}],
        **result,
        "Next": after,
    }


def _limited(node: Any, seconds: int) -> Any:
    """The same states; where Verify has no limit of its own it has this one."""
    if isinstance(node, list):
        return [_limited(each, seconds) for each in node]
    if not isinstance(node, Mapping):
        return node
    made = {name: _limited(each, seconds) for name, each in node.items()}
    if task_of(node) == VERIFY and not {"TimeoutSeconds", "TimeoutSecondsPath"} & made.keys():
        made["TimeoutSeconds"] = seconds
    return made


def _again(errors: list[str]) -> dict[str, Any]:
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "MaxAttempts": 2,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }


def _around(
    name: _Names, max_receive_count: int, *, settles: bool, sent_to: bool
) -> dict[str, Any]:
    around = {
        "Failed": _failed(name, max_receive_count),
        "Quarantined": _letter(name, f"{{% {REASON} %}}", sent_to=sent_to),
        "Exhausted": _letter(name, "exhausted", sent_to=sent_to),
        "Worked": _end({}),
        "Kept": _end({"itemIdentifier": f"{{% {_RECORD}.messageId %}}"}),
    }
    if settles:
        around = {"Settled": _settled(name), **around}
    return {name(each): state for each, state in around.items()}


def _settled(name: _Names) -> dict[str, Any]:
    return {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": f"${{{SETTLE}}}",
        "Arguments": {
            **{
                field: f"{{% {_RECORD}.{field} %}}" for field in ("messageId", "body", "attributes")
            },
            "messageAttributes": f"{{% {_ATTRIBUTES} %}}",
        },
        "TimeoutSeconds": TASK_SECONDS,
        "Retry": [_again(["States.ALL"])],
        # It was worked: to work it again because nobody could write that down would be worse.
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": name("Worked")}],
        "Output": {},
        "Next": name("Worked"),
    }


def _failed(name: _Names, max_receive_count: int) -> dict[str, Any]:
    last = f"$exists({_RECEIVES}) and $number({_RECEIVES}) >= {max_receive_count}"
    return {
        "Type": "Choice",
        "QueryLanguage": "JSONata",
        "Choices": [
            {"Condition": f"{{% {IS_DONE} %}}", "Next": name("Worked")},
            {"Condition": f"{{% {IS_QUARANTINED} %}}", "Next": name("Quarantined")},
            {"Condition": f"{{% {last} %}}", "Next": name("Exhausted")},
        ],
        "Default": name("Kept"),
    }


def _letter(name: _Names, reason: str, *, sent_to: bool) -> dict[str, Any]:
    """The record's body as it came, and why in its attributes; SQS takes none that is empty.

    A Fail state may give neither error nor cause, and an expression without a value is an error.
    """
    cause = f"$substring($states.input.Cause, 0, {CAUSE_MAX})"
    attributes = {
        LetterAttribute.REASON: reason,
        LetterAttribute.ERROR: "{% $states.input.Error ? $states.input.Error : 'States.TaskFailed' %}",
        LetterAttribute.CAUSE: f"{{% $states.input.Cause ? {cause} : '-' %}}",
        LetterAttribute.ATTEMPT: f"{{% {_RECEIVES} %}}",
        LetterAttribute.RECEIVE_COUNT: f"{{% {_RECEIVES} %}}",
        LetterAttribute.AT_MS: "{% $string($toMillis($states.context.State.EnteredTime)) %}",
        **({LetterAttribute.SENT: f"{{% {_SENT} %}}"} if sent_to else {}),
    }
    return {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {
            "QueueUrl": f"${{{DEAD_LETTERS}}}",
            "MessageBody": f"{{% {_RECORD}.body %}}",
            "MessageAttributes": {
                key.value: {"DataType": "String", "StringValue": value}
                for key, value in attributes.items()
            },
        },
        "Retry": [_again(["States.ALL"])],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": name("Kept")}],
        "Output": {},
        "Next": name("Worked"),
    }


def _end(output: Mapping[str, Any]) -> dict[str, Any]:
    return {"Type": "Pass", "QueryLanguage": "JSONata", "Output": output, "End": True}
