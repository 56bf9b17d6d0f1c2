"""What members who watch a model are told: one direct message a day at most, with all that happened to their models.

It goes through the outbox as posts do, with `NOTICES` in the place of a network. Only the day that is over is told:
after downtime nobody is sent a burst of old news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby

from bot import deliveries, ledger, render
from bot.deliveries import NOTICES, Delivery, DeliveryContent, EditionKey, PostShape
from bot.outlets import Part
from bot.pipeline.composition import NetworkPlan
from bot.pipeline.digest_content import ContentError
from bot.pipeline.publication import PublishContext
from bot.records import Catalogue, Document, Period, PeriodData, Unknown
from bot.records.names import NameMask
from bot.store import Store
from bot.subscriptions import ModelWatch, ModelWatches, detect_change
from bot.subscriptions.model_watches import OUTLET

ONE = timedelta(days=1)


def plan_notices(desk: PublishContext, plans: Mapping[str, NetworkPlan], watches: ModelWatches, now: datetime) -> bool:
    """Plan a message to each member whose models gave cause on the day that is over. Returns whether that is settled:
    until every watched network is known, or the deadline has passed, it is not. Doing it twice plans nothing twice."""
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
    """Whether a watch can be told of: its network is watched and goes on, its model was not hidden since."""
    plan = plans.get(watch.network)
    if plan is None or plan.closed:
        return False
    return not NameMask.from_names(plan.hidden).hides_model(watch.model, watch.model.partition("/")[0])


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A catalogue at the end of a day, with what is known of each model's uses by name, then and the day before."""

    book: PeriodData
    uses: Mapping[str, int]
    before: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModelStatusCache:
    """The catalogues that are watched, each looked up once."""

    store: Store
    plans: Mapping[str, NetworkPlan]
    day: date
    _statuses: dict[Catalogue, ModelStatus] = field(default_factory=dict)

    def watched_catalogue(self, watch: ModelWatch) -> Catalogue | None:
        """The watched catalogue; `None` where there is no such catalogue any more."""
        plan = self.plans.get(watch.network)
        return next((one for one in plan.catalogues if one.key == watch.catalogue), None) if plan else None

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
    """What there is to tell one member."""
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
    """What the deliveries of direct messages say. For one pass over the outbox."""

    store: Store
    plans: Mapping[str, NetworkPlan]
    hidden: Sequence[str]
    _statuses: dict[date, ModelStatusCache] = field(default_factory=dict)

    def __call__(self, delivery: Delivery) -> DeliveryContent:
        """What a delivery says. Raises `ContentError`."""
        watches = ModelWatches(self.store).member_watches(delivery.destination)
        theirs = [watch for watch in watches if _is_active(self.plans, watch)]
        statuses = self._statuses.setdefault(delivery.day, ModelStatusCache(self.store, self.plans, delivery.day))
        ends = Period(delivery.day, delivery.day).ends_at
        items = _notice_items(statuses, (watch for watch in theirs if watch.since < ends))
        if not items:
            raise ContentError(f"{delivery.label}: there is nothing to tell any more")
        answer = {"question": "notice", "day": delivery.day.isoformat(), "news": items}
        try:
            embed = render.answer_embed(answer, render.PLAIN, self.hidden, theirs[0].locale)
        except (render.LintError, render.TooLongError, KeyError) as error:
            raise ContentError(f"{delivery.label}: {error}") from error
        return DeliveryContent({}, Part("", delivery.marker, embed=embed))
