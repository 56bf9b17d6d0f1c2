"""What a network's digests are composed from, and the periods that they can cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot import comparison, ledger
from bot.records import COMPARISON, Catalogue, Period, PeriodName
from bot.store import Store


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network and how to compose its digests."""

    network: str
    title: str
    catalogues: tuple[Catalogue, ...]
    headline: Mapping[str, str]
    hidden: Sequence[str] = ()
    panels: tuple[Catalogue, ...] = ()
    closed: bool = False
    """Its record has ended: nothing of it is ever due."""
    members: tuple[NetworkPlan, ...] = ()
    """The networks of a comparison; `catalogues` are those of their headlines, in the same order."""


def comparison_plan(plans: Collection[NetworkPlan]) -> NetworkPlan | None:
    """How to compare networks week by week; `None` if there is only one."""
    if len(plans) < comparison.LEAST_NETWORKS:
        return None
    leading = tuple(next(c for c in plan.catalogues if c.key == plan.headline["catalogue"]) for plan in plans)
    return NetworkPlan(COMPARISON, comparison.TITLE, leading, {}, members=tuple(plans))


def covered_periods(store: Store, plan: NetworkPlan, name: PeriodName) -> tuple[Period, ...]:
    """Every complete period that the ledger covers at least in part; oldest first. This includes the first day: at its
    end the list is known, and its use is unknown because the watch had not begun. Of a comparison, the weeks that at
    least two networks cover."""
    if plan.members:
        covered = Counter(p for member in plan.members for p in covered_periods(store, member, name))
        least = comparison.LEAST_NETWORKS
        return tuple(sorted(p for p, networks in covered.items() if name == "week" and networks >= least))
    spans = [s for c in plan.catalogues if (s := ledger.closed_span(store, c)) is not None]
    if not spans:
        return ()
    day, last = min(s.first for s in spans), max(s.last for s in spans)
    periods: list[Period] = []
    while day <= last:
        period = Period.for_day(day, name)
        if period.last <= last:
            periods.append(period)
        day = period.last + timedelta(days=1)
    return tuple(periods)
