"""Messages to members who watch a model: at most one direct message a day, with all changes of their models.

They go through the outbox like posts, with `NOTICES` in place of a network. Only the last day is reported, so that
nobody gets a burst of old news after downtime.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby

from bot import deliveries, ledger, render
from bot.deliveries import NOTICES, Delivery, DeliveryContent, EditionKey, PostShape
from bot.outlets import Part
from bot.pipeline.digest_content import ContentError
from bot.pipeline.network_plan import NetworkPlan
from bot.pipeline.publication import PublishContext
from bot.records import Catalogue, Document, Period, PeriodData, Unknown
from bot.records.names import NameMask
from bot.store import Store
from bot.subscriptions import ModelWatch, ModelWatches, detect_change
from bot.subscriptions.model_watches import OUTLET

ONE = timedelta(days=1)


def plan_notices(desk: PublishContext, plans: Mapping[str, NetworkPlan], watches: ModelWatches, now: datetime) -> bool:
    """Plan a message to each member whose models changed on the last day. Returns whether the day is done: each watched
    network is known, or the deadline has passed. Planning twice changes nothing."""
    watches.prune_messages(now)
    day = now.date() - ONE
    period = Period(day, day)
    active = [watch for watch in watches.all_watches() if watch.since < period.ends_at and _is_active(plans, watch)]
    statuses = ModelStatusCache(desk.store, plans, day)
    watched = filter(None, map(statuses.watched_catalogue, active))
    waiting = now < period.ends_at + desk.rules.deadline
    if waiting and any(isinstance(statuses.get_status(catalogue).book.flow, Unknown) for catalogue in watched):
        return False
    edition = EditionKey(NOTICES, "day", day, 1)
    until = deliveries.expiry_time(period, desk.rules.max_age)
    for member, theirs in groupby(active, key=lambda watch: watch.member):
        if _notice_items(statuses, theirs):
            desk.outbox.plan(edition, OUTLET, member, PostShape(), now, until)
    return True


def _is_active(plans: Mapping[str, NetworkPlan], watch: ModelWatch) -> bool:
    """Whether a watch is active: its network is configured and live, and its model is not hidden."""
    plan = plans.get(watch.network)
    if plan is None or plan.closed:
        return False
    return not NameMask.from_names(plan.hidden).hides_model(watch.model, watch.model.partition("/")[0])


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A catalogue at the end of a day, with each model's known uses by name on that day and the day before."""

    book: PeriodData
    uses: Mapping[str, int]
    before: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModelStatusCache:
    """The watched catalogues, each read once."""

    store: Store
    plans: Mapping[str, NetworkPlan]
    day: date
    _statuses: dict[Catalogue, ModelStatus] = field(default_factory=dict)

    def watched_catalogue(self, watch: ModelWatch) -> Catalogue | None:
        """The watched catalogue; `None` if it no longer exists."""
        plan = self.plans.get(watch.network)
        return (
            next((catalogue for catalogue in plan.catalogues if catalogue.key == watch.catalogue), None)
            if plan
            else None
        )

    def get_status(self, catalogue: Catalogue) -> ModelStatus:
        if catalogue not in self._statuses:
            book = ledger.load_period_data(self.store, catalogue, Period(self.day, self.day), of_callers=False)
            uses, before = (self._uses_by_model(catalogue, day) for day in (self.day, self.day - ONE))
            self._statuses[catalogue] = ModelStatus(book, uses, before)
        return self._statuses[catalogue]

    def _uses_by_model(self, catalogue: Catalogue, day: date) -> Mapping[str, int]:
        rows = ledger.model_rankings(self.store, catalogue, Period(day, day))
        return {} if isinstance(rows, Unknown) else {row.model: row.uses for row in rows if row.uses is not None}


def _notice_items(statuses: ModelStatusCache, watches: Iterable[ModelWatch]) -> list[Document]:
    """The items of one member's message."""
    items = []
    for watch in watches:
        catalogue = statuses.watched_catalogue(watch)
        if catalogue is None:
            continue
        status = statuses.get_status(catalogue)
        change = detect_change(watch, status.book, status.uses, status.before)
        if change is None:
            continue
        items.append(
            {
                "kind": change.kind,
                "model": watch.model,
                "title": statuses.plans[watch.network].title,
                "unit": catalogue.unit,
                "uses": change.uses,
                "before": change.before,
                "change": change.uses / change.before - 1 if change.before and change.kind == "moved" else None,
                "last_used": change.last_used.isoformat() if change.last_used else None,
            }
        )
    return items


@dataclass(frozen=True, slots=True)
class WatchContentProvider:
    """The content of direct messages. For one pass over the outbox."""

    store: Store
    plans: Mapping[str, NetworkPlan]
    hidden: Sequence[str]
    _statuses: dict[date, ModelStatusCache] = field(default_factory=dict)

    def __call__(self, delivery: Delivery) -> DeliveryContent:
        """A delivery's content. Raises `ContentError`."""
        watches = ModelWatches(self.store).member_watches(delivery.destination)
        theirs = [watch for watch in watches if _is_active(self.plans, watch)]
        statuses = self._statuses.setdefault(delivery.day, ModelStatusCache(self.store, self.plans, delivery.day))
        ends = Period(delivery.day, delivery.day).ends_at
        items = _notice_items(statuses, (watch for watch in theirs if watch.since < ends))
        if not items:
            raise ContentError(f"{delivery.label}: there are no changes left to report")
        answer = {"question": "notice", "day": delivery.day.isoformat(), "news": items}
        try:
            embed = render.answer_embed(answer, render.PLAIN, self.hidden, theirs[0].locale)
        except (render.LintError, render.TooLongError, KeyError) as error:
            raise ContentError(f"{delivery.label}: {error}") from error
        return DeliveryContent({}, Part("", delivery.marker, embed=embed))
