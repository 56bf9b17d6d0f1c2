"""Figures by category and by author. Each group gets period data of its own, and the same metrics are applied to it.

So a figure of a group means the same as the figure of the catalogue, and the counts of all groups add up to the whole,
except for unnamed use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from bot.metrics.ranking import NONE_NAMED, named_flow
from bot.metrics.registry import METRICS, Amount, Metric
from bot.records import AtLeast, Grouping, GroupKind, Model, PeriodData, Unknown, Usage, at_least

COLUMNS = (
    *("models_listed", "models_added", "models_used", "share_used", "uses"),
    *("inventory_change_7d", "uses_change_7d", "inventory_change", "uses_change"),
)
"""The metrics of a group, as far as the period has them."""
MOST: Mapping[GroupKind, int] = {"category": 25, "author": 10}
"""Most groups that are listed one by one; strangers choose the names, so there may be any number of groups."""
_GROUP_OF: Mapping[GroupKind, Callable[[Model], str | None]] = {
    "category": attrgetter("category"),
    "author": attrgetter("author"),
}


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """The figures of one group, by key; in `rest`, of all groups that are not listed one by one."""

    name: str
    """Foreign text; empty for the models without a group."""
    figures: Mapping[str, Amount]


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The table of a catalogue by one kind of group."""

    by: GroupKind
    columns: tuple[Metric, ...]
    named: int
    """Number of named groups that have a model listed or used."""
    groups: tuple[MetricGroup, ...]
    """Most used first, then by models listed and name; models without a group last."""
    rest: MetricGroup | None
    outside: int | AtLeast | Unknown
    """Uses that name no model and belong to no group."""


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The models and use of period data, by group."""

    book: PeriodData
    grouping: Grouping
    listed: Mapping[str, list[Model]] | Unknown
    flow: Mapping[str, Usage] | Unknown
    flow_before: Mapping[str, Usage] | Unknown

    def data_of_groups(self, names: Sequence[str]) -> PeriodData:
        """The period data of some groups together."""

        def flow(held: Mapping[str, Usage] | Unknown) -> Usage | Unknown:
            return (
                held if isinstance(held, Unknown) else _combined_usage([held[name] for name in names if name in held])
            )

        def count(held: Mapping[str, int] | Unknown) -> int | Unknown:
            return held if isinstance(held, Unknown) else sum(held.get(name, 0) for name in names)

        held, grouping = self.listed, self.grouping
        before = count(grouping.listed_before)
        return replace(
            self.book,
            listed_in_part=(),
            listed=held if isinstance(held, Unknown) else tuple(m for name in names for m in held.get(name, ())),
            listed_7d_before=before,
            listed_period_before=before,
            flow=flow(self.flow),
            flow_before=flow(self.flow_before),
            total_7d=count(_named_use(self.book.total_7d, grouping.total_7d)),
            total_prior_7d=count(_named_use(self.book.total_prior_7d, grouping.total_prior_7d)),
        )


def group_tables(book: PeriodData) -> tuple[GroupTable, ...]:
    """One table for each kind of group that the network tells."""
    return tuple(_group_table(book, kind, grouping) for kind, grouping in book.groups.items())


def _group_table(book: PeriodData, kind: GroupKind, grouping: Grouping) -> GroupTable:
    split = _sort_by_group(book, kind, grouping)
    columns = tuple(METRICS[key] for key in COLUMNS if book.period.name in METRICS[key].periods)
    names = _ordered_names(split)
    shown_names, others = names[: MOST[kind]], names[MOST[kind] :]
    nameless = [""] if any("" in held for held in (split.listed, split.flow) if not isinstance(held, Unknown)) else []

    def group(name: str, of: Sequence[str]) -> MetricGroup:
        part = split.data_of_groups(of)
        return MetricGroup(name, {metric.key: metric.compute(part) for metric in columns})

    return GroupTable(
        kind,
        columns,
        len(names),
        tuple(group(name, [name]) for name in [*shown_names, *nameless]),
        group("", others) if others else None,
        _ungrouped_uses(book.flow),
    )


def _ungrouped_uses(flow: Usage | Unknown) -> int | AtLeast | Unknown:
    """Uses that name no model."""
    if isinstance(flow, Unknown):
        return flow
    whole = not flow.incomplete or flow.unknown_models is not None
    return flow.unattributed if whole else at_least(flow.unattributed, flow.incomplete)


def _combined_usage(flows: Sequence[Usage]) -> Usage:
    """The use of some groups together."""
    by_model = {model: count for flow in flows for model, count in flow.by_model.items()}
    incomplete = next((flow.incomplete for flow in flows if flow.incomplete), "")
    missing = [flow.unknown_models for flow in flows]
    unknown = None if None in missing else frozenset(model for some in missing for model in some or ())
    return Usage(sum(by_model.values()), by_model, incomplete=incomplete, unknown_models=unknown)


def _sort_by_group(book: PeriodData, kind: GroupKind, grouping: Grouping) -> _Sorted:
    group_of = dict(grouping.of)
    listed: dict[str, list[Model]] = {}
    for model in () if isinstance(book.listed, Unknown) else book.listed:
        name = _GROUP_OF[kind](model) or ""
        group_of[model.id] = name
        listed.setdefault(name, []).append(model)

    def flow(whole: Usage | Unknown) -> dict[str, Usage] | Unknown:
        return whole if isinstance(whole, Unknown) else _by_group(whole, group_of, listed)

    of_listed = book.listed if isinstance(book.listed, Unknown) else listed
    return _Sorted(book, grouping, of_listed, flow(named_flow(book)), flow(book.flow_before))


def _by_group(whole: Usage, group_of: Mapping[int, str], names: Iterable[str]) -> dict[str, Usage] | Unknown:
    """Usage by group; a lower bound if the use of a model of the group is unknown. `names`: groups listed."""
    held: dict[str, dict[int, int]] = {}
    for model, count in whole.by_model.items():
        held.setdefault(group_of.get(model, ""), {})[model] = count
    if whole.uses and not held:
        return Unknown(NONE_NAMED)
    if not whole.incomplete:
        return {name: Usage(sum(used.values()), used) for name, used in held.items()}
    missing: dict[str, frozenset[int] | None] = dict.fromkeys([*names, *held]) if whole.unknown_models is None else {}
    for model in whole.unknown_models or ():
        name = group_of.get(model, "")
        missing[name] = (missing.get(name) or frozenset()) | {model}
    usage_by_group: dict[str, Usage] = {}
    for name in {**held, **missing}:
        used, why = held.get(name, {}), whole.incomplete if name in missing else ""
        usage_by_group[name] = Usage(
            sum(used.values()), used, incomplete=why, unknown_models=missing.get(name, frozenset())
        )
    return usage_by_group


def _ordered_names(split: _Sorted) -> list[str]:
    """Names of groups with a model listed or used."""
    listed = {} if isinstance(split.listed, Unknown) else split.listed
    used = {} if isinstance(split.flow, Unknown) else split.flow
    uses = {name: flow.uses for name, flow in used.items()}
    names: Iterable[str] = (listed.keys() | used.keys()) - {""}
    return sorted(names, key=lambda name: (-uses.get(name, 0), -len(listed.get(name, ())), name))


def _named_use(total: int | AtLeast | Unknown, by_group: Mapping[str, int] | Unknown) -> Mapping[str, int] | Unknown:
    """Use by group; unknown if all of it is unnamed or part of it is missing, because the missing part may belong to
    any group."""
    if isinstance(total, AtLeast):
        return Unknown(total.reason)
    none = not isinstance(by_group, Unknown) and not any(by_group.values())
    return Unknown(NONE_NAMED) if none and not isinstance(total, Unknown) and total else by_group
