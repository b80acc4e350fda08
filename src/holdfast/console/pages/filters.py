"""The form above a list: what was typed stays in it, and what cannot be read of it is marked.

A list is a link that people send to each other and change by hand, so that there is a mistake in it
now and then. The page then is still that list's, with its form, and not an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from holdfast.console.endpoint import read_query, repeated
from holdfast.console.problems import Problem
from holdfast.console.site import Site

# Where in the list one is, and no filter.
_PAGING: Final = {"after", "limit"}


@dataclass(frozen=True, slots=True)
class Form:
    """`asked`: a model of the page's parameters, but for what is `wrong` of it: that is as it was
    typed. `wrong`: by name, what is."""

    asked: BaseModel
    wrong: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def misread(
        cls, model: type[BaseModel], given: Sequence[tuple[str, str]], problem: Problem
    ) -> Form:
        """Of what cannot be read as a whole."""
        wrong: dict[str, str] = {}
        for one in problem.detail or ():
            wrong.setdefault(one["path"].split("/")[1], one["message"])
        good = [(name, value) for name, value in given if name not in wrong]
        asked = model.model_validate(read_query(good, model))
        typed: dict[str, Any] = {}
        for name, value in given:
            if name in wrong and name in model.model_fields:
                before = typed.get(name, ())
                typed[name] = (*before, value) if name in repeated(model) else value
        return cls(asked.model_copy(update=typed), wrong)

    def fields(self, site: Site) -> dict[str, Any]:
        """For templates. `kept`: what goes along to the next page of the list; `narrowed`: whether
        anything is filtered at all."""
        kept = self.asked.model_dump(exclude_defaults=True, exclude={"after"}, warnings=False)
        return {
            "form": self,
            "asked": self.asked,
            "kept": kept,
            "narrowed": bool(kept.keys() - _PAGING),
            "webhooks": known_webhooks(site),
        }


def known_webhooks(site: Site) -> list[str]:
    """Defined, or known to the store."""
    compiled = site.compiled
    defined = [one.name for one in compiled.webhooks] if compiled else []
    return sorted({*defined, *site.store.webhooks()})
