"""From what the user wrote to what the homes of a webhook read, or every mistake at once.

    load(path)        a Python file -> the App in it
    check_app(app)    an App -> its mistakes, each with its place
    compile_app(app)  an App -> Compiled; raises DefinitionError with all mistakes

    check_workflow(workflow)  a workflow by itself -> its mistakes
    to_asl(steps)             steps -> their document; raises DefinitionError with all mistakes

Only the definition and the JSON files that it names are read: no environment, no secrets, no
network. Every check goes on after a mistake, with a harmless value in the place of the wrong one,
so that one run of `holdfast check` says all there is to say.
"""

from __future__ import annotations

from holdfast.compile.definition_file import load
from holdfast.compile.webhooks import check_app, compile_app
from holdfast.compile.workflows import check_workflow, to_asl

__all__ = ["check_app", "check_workflow", "compile_app", "load", "to_asl"]
