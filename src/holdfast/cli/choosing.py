"""Options that say which dead letters, and what they turn into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from holdfast.cli.options import (
    ErrorOption,
    GroupOption,
    IdOption,
    ReasonOption,
    SinceOption,
    UntilOption,
    WebhookOption,
    WorkLimitOption,
    WrongUsage,
    book_on,
    parse_time,
)
from holdfast.operate.groups import group as find_group
from holdfast.operate.selection import Selection
from holdfast.queue.contract import Engine, Filter


@dataclass(frozen=True, slots=True)
class LetterOptions:
    """What dead letters are narrowed by, for those that list them."""

    webhook: WebhookOption = None
    reason: ReasonOption = None
    error: ErrorOption = None
    since: SinceOption = None
    until: UntilOption = None

    def filter(self, *, parked: bool) -> Filter:
        """Raises BadParameter."""
        return Filter(
            webhook=self.webhook,
            reason=self.reason,
            error=self.error,
            since_ms=parse_time(self.since),
            until_ms=parse_time(self.until, "--until"),
            parked=parked,
        )

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return any(one is not None for one in astuple(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLetters:
    """Which dead letters something is done to: by id, or by group and filters."""

    id: IdOption = None
    group: GroupOption = None
    filters: LetterOptions
    limit: WorkLimitOption = None

    @property
    def by_filter(self) -> bool:
        return self.group is not None or self.filters.given

    @property
    def given(self) -> bool:
        """Whether anything says which."""
        return bool(self.id) or self.by_filter

    def insist(self, all: bool, *, dry_run: bool) -> None:
        """Raises WrongUsage where nothing says which, or two things do; a dry run may leave it open."""
        if all and self.given:
            raise WrongUsage("either --all, or --id, --group and filters; not both")
        if not (all or dry_run or self.given):
            raise WrongUsage("say which: --id, --group, a filter, or --all")

    def selection(self, engine: Engine, *, parked: bool) -> Selection:
        """Raises BadParameter, and NotFound where there is no such group."""
        if self.id and self.by_filter:
            raise WrongUsage("either --id, or --group and filters; not both")
        filter = self.filters.filter(parked=parked)
        if self.group is not None:
            filter = replace(filter, group=find_group(engine, self.group).id)
        return Selection(tuple(self.id or ()), filter, self.limit)


def noted(engine: Engine, action: str, selection: Selection, selected: Sequence[str]) -> None:
    """Write down what is about to be done to them."""
    if selected:
        target = selection.filter.group or (selected[0] if len(selected) == 1 else None)
        webhook = selection.filter.webhook
        book_on(engine).note(action, webhook=webhook, target=target, letters=len(selected))
