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
from bot.digest import NameMask
from bot.outlets import Part
from bot.pipeline.composition import NetworkPlan
from bot.pipeline.digest_content import ContentError
from bot.pipeline.publication import PublishContext
from bot.records import Catalogue, Document, Period, PeriodData, Unknown
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
    held = [one for one in watches.all_watches() if one.since < period.ends_at and _is_active(plans, one)]
    stands = ModelStatusCache(desk.store, plans, day)
    waiting = now < period.ends_at + desk.rules.deadline
    if waiting and not all(stands.is_known(one) for one in held):
        return False
    edition = EditionKey(NOTICES, "day", day, 1)
    until = deliveries.expiry_time(period, desk.rules.max_age)
    for member, mine in groupby(held, key=lambda one: one.member):
        if _notice_items(stands, mine):
            desk.outbox.plan(edition, OUTLET, member, PostShape(), now, until)
    return True


def _is_active(plans: Mapping[str, NetworkPlan], watch: ModelWatch) -> bool:
    """Whether a watch can be told of: its network is watched and goes on, its model was not hidden since."""
    plan = plans.get(watch.network)
    author = watch.model.partition("/")[0]
    return (
        plan is not None and not plan.closed and not NameMask.from_names(plan.hidden).hides_model(watch.model, author)
    )


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
    _statuses: dict[tuple[str, str], ModelStatus | None] = field(default_factory=dict)

    def is_known(self, watch: ModelWatch) -> bool:
        """Whether the day of a watched catalogue is known."""
        stand = self.get_status(watch)
        return stand is None or not isinstance(stand.book.flow, Unknown)

    def get_status(self, watch: ModelWatch) -> ModelStatus | None:
        """The stand of a watched catalogue; `None` where there is no such catalogue any more."""
        key = (watch.network, watch.catalogue)
        if key not in self._statuses:
            catalogue = self.watched_catalogue(watch)
            self._statuses[key] = self._load_status(catalogue) if catalogue else None
        return self._statuses[key]

    def watched_catalogue(self, watch: ModelWatch) -> Catalogue | None:
        """The watched catalogue itself."""
        plan = self.plans.get(watch.network)
        return next((one for one in plan.catalogues if one.key == watch.catalogue), None) if plan else None

    def _load_status(self, catalogue: Catalogue) -> ModelStatus:
        day, before = Period(self.day, self.day), Period(self.day - ONE, self.day - ONE)
        book = ledger.load_period_data(self.store, catalogue, day, of_callers=False)
        return ModelStatus(book, self._uses_by_model(catalogue, day), self._uses_by_model(catalogue, before))

    def _uses_by_model(self, catalogue: Catalogue, day: Period) -> Mapping[str, int]:
        rows = ledger.model_rankings(self.store, catalogue, day)
        return {} if isinstance(rows, Unknown) else {row.model: row.uses for row in rows if row.uses is not None}


def _notice_items(stands: ModelStatusCache, watches: Iterable[ModelWatch]) -> list[Document]:
    """What there is to tell one member."""
    told = []
    for watch in watches:
        stand, catalogue = stands.get_status(watch), stands.watched_catalogue(watch)
        if stand is None or catalogue is None:
            continue
        found = detect_change(watch, stand.book, stand.uses, stand.before)
        if found is None:
            continue
        plan = stands.plans[watch.network]
        told.append(
            {
                "kind": found.kind,
                "model": watch.model,
                "title": plan.title,
                "unit": catalogue.unit,
                "uses": found.uses,
                "before": found.before,
                "change": found.uses / found.before - 1 if found.before and found.kind == "moved" else None,
                "last_used": found.last_used.isoformat() if found.last_used else None,
            }
        )
    return told


@dataclass(frozen=True, slots=True)
class WatchContentProvider:
    """What the deliveries of direct messages say. For one pass over the outbox."""

    store: Store
    plans: Mapping[str, NetworkPlan]
    watches: ModelWatches
    hidden: Sequence[str]
    _stands: dict[date, ModelStatusCache] = field(default_factory=dict)

    def __call__(self, delivery: Delivery) -> DeliveryContent:
        """What a delivery says. Raises `ContentError`."""
        mine = [watch for watch in self.watches.member_watches(delivery.destination) if _is_active(self.plans, watch)]
        stands = self._stands.setdefault(delivery.day, ModelStatusCache(self.store, self.plans, delivery.day))
        told = _notice_items(
            stands, (watch for watch in mine if watch.since < Period(delivery.day, delivery.day).ends_at)
        )
        if not told:
            raise ContentError(f"{delivery.label}: there is nothing to tell any more")
        answer = {"question": "notice", "day": delivery.day.isoformat(), "news": told}
        try:
            embed = render.answer_embed(answer, render.PLAIN, self.hidden, mine[0].locale)
        except (render.LintError, render.TooLongError, KeyError) as error:
            raise ContentError(f"{delivery.label}: {error}") from error
        return DeliveryContent({}, Part("", delivery.marker, embed=embed))
