"""Every metric against an independent implementation: scipy, scikit-bio, numpy or a plain loop."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.metrics import METRICS, NOUNS, compute_figures
from bot.metrics.ranking import listed_counts, usage_ranking
from bot.metrics.registry import DAY_ONLY, EVERY_PERIOD, LONGER_ONLY, Amount, Metric, metric
from bot.records import (
    MAX_COUNT,
    AtLeast,
    CallerStats,
    Catalogue,
    Period,
    PeriodData,
    SafeName,
    Unknown,
    Usage,
    at_least,
)
from tests.period_data import DAY, MODELS, ONE, WHY, book, model, unread

# --- books of all kinds ----------------------------------------------------------------------------------------------

counts = st.one_of(st.integers(0, 5), st.integers(0, 1000), st.integers(0, MAX_COUNT))
maybe_day = st.one_of(st.none(), st.integers(0, 90).map(lambda days: DAY - timedelta(days=days)))
reasons = st.sampled_from([Unknown("no reading at the end of 14 Jan 2025"), Unknown("watched for 3 of 7 days")])


@st.composite
def models_of(draw: st.DrawFn, number: int) -> Any:
    last = draw(maybe_day)
    return model(
        number,
        author=draw(st.sampled_from(["ann", "bob", "çelik"])),
        first_listed=draw(maybe_day),
        used_before_watch=draw(st.booleans()),
        last_used=last,
        last_used_from=last and last - draw(st.integers(0, 3)) * ONE,
        first_used=last and last - draw(st.integers(0, 40)) * ONE,
    )


@st.composite
def books(draw: st.DrawFn, known: bool = False, period: str | None = None) -> PeriodData:
    """Any period data: models used and not, listed and gone, unnamed use, each part possibly unknown."""

    def part(strategy: st.SearchStrategy[Any]) -> Any:
        return draw(strategy if known else st.one_of(strategy, strategy, reasons))

    numbers = draw(st.lists(st.integers(1, 40), unique=True, max_size=14))
    listed = tuple(draw(models_of(n)) for n in numbers)
    used = {n: count for n in draw(st.lists(st.integers(1, 45), unique=True, max_size=14)) if (count := draw(counts))}
    loose = draw(st.one_of(st.just(0), st.just(0), counts))
    before = draw(counts)
    name = period or draw(st.sampled_from(["day", "week", "month"]))
    return PeriodData(
        catalogue=MODELS,
        period=replace(Period.for_day(DAY, name), last=DAY),
        watched_since=draw(st.one_of(st.none(), st.integers(0, 90).map(lambda days: DAY - timedelta(days=days)))),
        listed=part(st.just(listed)),
        listed_before=part(st.frozensets(st.integers(1, 45))),
        listed_7d_before=part(st.integers(0, 50)),
        listed_period_before=part(st.integers(0, 50)),
        flow=part(st.just(Usage(sum(used.values()) + loose, used, unattributed=loose))),
        flow_before=part(st.just(Usage(before, {1: before} if before else {}))),
        total_7d=part(counts),
        total_30d=part(counts),
        total_prior_7d=part(counts),
        newly_listed=part(st.lists(st.integers(50, 60), unique=True, max_size=5).map(lambda ns: tuple(map(model, ns)))),
        history=(),
        gaps=(),
        refs=(),
        names={n: SafeName(f"gone/m{n}") for n in used if n not in numbers},
        evidence={name: part(counts) for name in EVIDENCES},
        callers=part(CALLED),
        callers_7d=part(CALLED),
        callers_30d=part(CALLED),
        paid=part(st.integers(0, 2**256).map(lambda n: Decimal(n).scaleb(-18, Context(prec=100)))),
        gauges={key: part(counts) for key in (*GAUGES, "requests_all")},
    )


def called(parts: list[int]) -> CallerStats:
    return CallerStats(len(parts), sum(parts), max(parts, default=0))


CALLED = st.lists(st.integers(1, 10**30), max_size=4).map(called)
EVIDENCES = ("claimed", "backed", "verified", "reported")
GAUGES = (
    *("enclaves_registered", "enclaves_enabled", "enclaves_active", "machines_active", "owners_active"),
    *("sessions", "requests_reported", "requests_private", "tokens_in", "tokens_out", "requests_made"),
)


# --- one reference for each metric: the same book, counted in another way ---------------------------------------------
# A reference answers for a book in which all is known; `None` means "not defined".


def _ids(book: PeriodData) -> set[int]:
    return {entry.id for entry in book.listed}


def _named(book: PeriodData) -> list[int]:
    return list(book.flow.by_model.values())


def _unnamed(book: PeriodData) -> bool:
    """There is use, and all of it is unnamed: nothing is known about models."""
    return book.flow.uses > 0 and not book.flow.by_model


def _loose(book: PeriodData) -> bool:
    """Part of the use may belong to any model."""
    return book.flow.uses > sum(_named(book))


def _share(part: float | None, whole: float) -> float | None:
    return None if part is None or not whole else float(np.float64(part) / np.float64(whole))


def _change(now: float, before: float) -> float | None:
    return None if not before else float(np.subtract(np.divide(float(now), float(before)), 1.0))


def _used(book: PeriodData) -> int | None:
    return None if _unnamed(book) else len(_ids(book).intersection(book.flow.by_model))


def _used_in(days: int, total: str) -> Callable[[PeriodData], int | None]:
    def count(book: PeriodData) -> int | None:
        window = {DAY - timedelta(days=n) for n in range(days)}
        used = 0
        for entry in book.listed:
            if entry.last_used is not None and entry.last_used_from in window:
                used += 1
        seen = any(entry.last_used for entry in book.listed) or bool(book.flow.by_model)
        return None if getattr(book, total) and not used and not seen else used

    return count


def _never_used(book: PeriodData) -> int | None:
    if book.watched_since is None or (DAY - book.watched_since).days < 30:
        return None
    old = [m for m in book.listed if (DAY - (m.first_listed or book.watched_since)).days >= 30]
    return len([m for m in old if not (m.last_used or m.used_before_watch)])


def _top(models: int) -> Callable[[PeriodData], float | None]:
    def share(book: PeriodData) -> float | None:
        uses = _named(book)
        if not uses or _loose(book):
            return None
        carried = sum(uses) if len(uses) <= models else sum(int(x) for x in np.partition(uses, -models)[-models:])
        return carried / book.flow.uses

    return share


def _carry(share: tuple[int, int]) -> Callable[[PeriodData], int | None]:
    def fewest(book: PeriodData) -> int | None:
        left = sorted(_named(book))
        carried = taken = 0
        while left:
            carried, taken = carried + left.pop(), taken + 1
            if carried * share[1] >= book.flow.uses * share[0]:
                return taken
        return None

    return fewest


def _listed_uses(book: PeriodData) -> list[int]:
    return [book.flow.by_model.get(number, 0) for number in _ids(book)]


def _outweighed(book: PeriodData) -> int | None:
    uses = sorted(_listed_uses(book))
    if book.flow.unattributed or not uses or not max(uses):
        return None
    return max(k for k in range(len(uses) + 1) if sum(uses[:k]) < max(uses))


def _dominance(book: PeriodData) -> float | None:
    from skbio.diversity import alpha  # takes long, needed only here

    return float(alpha.dominance(np.array(_named(book), dtype=float))) if _named(book) else None


def _effective(book: PeriodData) -> float | None:
    from scipy.stats import entropy  # takes long, needed only here

    return math.exp(entropy(_named(book))) if _named(book) else None


def _pairs_gini(uses: list[int]) -> float | None:
    """Half the relative mean absolute difference over all pairs."""
    if not sum(uses):
        return None
    return sum(abs(a - b) for a in uses for b in uses) / (2 * len(uses) * sum(uses))


def _activation(book: PeriodData) -> float | None:
    if book.watched_since is None or (DAY - book.watched_since).days < 60:
        return None
    early = 0
    for entry in book.newly_listed:
        first_days = {entry.first_listed + timedelta(days=n) for n in range(30)}
        early += entry.used_before_watch or entry.first_used in first_days
    return _share(early, len(book.newly_listed))


def _inventory_7d(book: PeriodData) -> float | None:
    return _change(len(book.listed), book.listed_7d_before)


def _minus(demand: float | None, supply: float | None) -> float | None:
    return None if demand is None or supply is None else demand - supply


def _authors(given: Iterable[str]) -> int | None:
    """Distinct names; `None` where there are models and none names its author."""
    names = [str(name) for name in given]
    named = np.unique([name for name in names if name])
    return None if names and not len(named) else len(named)


REFERENCES: dict[str, Callable[[PeriodData], float | None]] = {
    "models_listed": lambda b: len(_ids(b)),
    "models_added": lambda b: len(_ids(b) - set(b.listed_before)),
    "models_removed": lambda b: len(set(b.listed_before) - _ids(b)),
    "authors_listed": lambda b: _authors(m.author for m in b.listed),
    "authors_used": lambda b: (
        None if _unnamed(b) else _authors(m.author for m in b.listed if b.flow.by_model.get(m.id))
    ),
    "uses": lambda b: sum(_named(b)) + b.flow.unattributed,
    "uses_7d": lambda b: b.total_7d,
    "uses_30d": lambda b: b.total_30d,
    "uses_change_7d": lambda b: _change(b.total_7d, b.total_prior_7d),
    "uses_change": lambda b: _change(b.flow.uses, b.flow_before.uses),
    "models_used": _used,
    "models_used_7d": _used_in(7, "total_7d"),
    "models_used_30d": _used_in(30, "total_30d"),
    "share_used": lambda b: _share(_used(b), len(b.listed)),
    "share_used_7d": lambda b: _share(_used_in(7, "total_7d")(b), len(b.listed)),
    "share_used_30d": lambda b: _share(_used_in(30, "total_30d")(b), len(b.listed)),
    "models_never_used": _never_used,
    "uses_per_listed": lambda b: _share(b.flow.uses, len(b.listed)),
    "median_uses": lambda b: float(np.median(_named(b))) if _named(b) else None,
    "top_1_share": lambda b: max(_named(b)) / b.flow.uses if _named(b) and not _loose(b) else None,
    "top_5_share": _top(5),
    "top_10_share": _top(10),
    "models_for_half": _carry((1, 2)),
    "models_for_90": _carry((9, 10)),
    "models_outweighed": _outweighed,
    "gini_listed": lambda b: None if _loose(b) else _pairs_gini(_listed_uses(b)),
    "gini_used": lambda b: _pairs_gini(_named(b)),
    "hhi": _dominance,
    "effective_models": _effective,
    "inventory_change_7d": _inventory_7d,
    "inventory_change": lambda b: _change(len(b.listed), b.listed_period_before),
    "demand_gap_7d": lambda b: _minus(_change(b.total_7d, b.total_prior_7d), _inventory_7d(b)),
    "demand_gap": lambda b: _minus(
        _change(b.flow.uses, b.flow_before.uses), _change(len(b.listed), b.listed_period_before)
    ),
    "activation_30d": _activation,
    "share_attributed": lambda b: _share(sum(_named(b)), b.flow.uses),
    **{f"uses_{name}": lambda b, name=name: b.evidence[name] for name in EVIDENCES},
    "share_verified": lambda b: (
        None if b.evidence["verified"] > b.evidence["backed"] else _share(b.evidence["verified"], b.evidence["backed"])
    ),
    "callers": lambda b: b.callers.count,
    "callers_7d": lambda b: b.callers_7d.count,
    "callers_30d": lambda b: b.callers_30d.count,
    "top_caller_share": lambda b: float(Fraction(b.callers.top, b.callers.whole)) if b.callers.count else None,
    "paid": lambda b: int(Fraction(b.paid) * 10**18) / 10**18,
    **{key: lambda b, key=key: b.gauges[key] for key in GAUGES},
    "share_private": lambda b: _share(b.gauges["requests_private"], b.gauges["requests_all"]),
}


def agrees(value: float | Unknown, counted: float | None) -> bool:
    if isinstance(value, Unknown) or counted is None:
        return isinstance(value, Unknown) and counted is None
    return value == counted if isinstance(counted, int) else math.isclose(value, counted, rel_tol=1e-9, abs_tol=1e-9)


def test_every_metric_has_a_reference_and_every_reference_a_metric() -> None:
    assert set(REFERENCES) == set(METRICS)


@settings(max_examples=100)
@given(books(known=True))
def test_every_metric_agrees_with_an_independent_count(period_data: PeriodData) -> None:
    pairs = {key: (METRICS[key].compute(period_data), count(period_data)) for key, count in REFERENCES.items()}
    bounds = {key: pair for key, pair in pairs.items() if key in BOUNDED and _loose(period_data)}
    assert {key: pair for key, pair in pairs.items() if key not in bounds and not agrees(*pair)} == {}
    assert {key: pair for key, pair in bounds.items() if not bounds_it(*pair)} == {}


BOUNDED = ("models_used", "authors_used", "share_used")
"""The metrics that are lower bounds if part of the use is unnamed."""


def bounds_it(amount: Amount, counted: float | None) -> bool:
    """Whether a lower bound equals the count; "at least 0" is unknown. All models used is exact again."""
    if not counted:
        return isinstance(amount, Unknown) or amount == 0
    return agrees(amount.value if isinstance(amount, AtLeast) else amount, counted)


@settings(max_examples=100)
@given(books(known=True), st.data())
def test_what_is_said_of_a_part_of_the_use_is_true_of_all_of_it(whole: PeriodData, data: st.DataObject) -> None:
    flow = Usage(sum(_named(whole)), whole.flow.by_model)
    lost = data.draw(st.frozensets(st.sampled_from(sorted(flow.by_model)))) if flow.by_model else frozenset()
    if not lost:
        return
    rest = {key: uses for key, uses in flow.by_model.items() if key not in lost}
    part = Usage(sum(rest.values()), rest, incomplete="part of it was not read", unknown_models=lost)
    week = at_least(whole.total_7d // 2, "part of it was not read")
    whole = replace(whole, flow=flow)
    figures = compute_figures(replace(whole, flow=part, total_7d=week))
    for key, truth in compute_figures(whole).items():
        amount, true = figures[key].value, truth.value
        if isinstance(amount, AtLeast):
            assert not isinstance(true, Unknown), key
            assert amount.value <= (true.value if isinstance(true, AtLeast) else true), key  # type: ignore[union-attr]
        elif not isinstance(amount, Unknown):
            assert amount == true, key
    assert isinstance(figures["uses"].value, AtLeast) == bool(rest)
    for key in ("median_uses", "gini_used", "top_1_share", "models_for_half", "models_outweighed", "hhi"):
        assert isinstance(figures[key].value, Unknown), key


# --- the registry ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", METRICS.values(), ids=lambda value: value.key)
def test_a_definition_is_whole_sentences_for_readers(value: Metric) -> None:
    assert value.definition[0].isupper() and value.definition.endswith(".") and len(value.definition) > 30
    assert "\n" not in value.definition and "`" not in value.definition
    assert value.label.startswith("{unit}") or value.label[0].islower()
    assert value.compute.__name__ == value.key


TABLE = """
models_listed models_added models_removed authors_listed authors_used uses uses_7d uses_30d uses_change_7d models_used
models_used_7d models_used_30d share_used share_used_7d share_used_30d models_never_used uses_per_listed median_uses
top_1_share top_5_share top_10_share models_for_half models_for_90 models_outweighed gini_listed gini_used hhi
effective_models inventory_change_7d demand_gap_7d activation_30d share_attributed uses_claimed uses_backed
uses_verified uses_reported share_verified callers callers_7d callers_30d top_caller_share paid enclaves_registered
enclaves_enabled enclaves_active machines_active owners_active sessions requests_reported requests_private share_private
tokens_in tokens_out requests_made
"""


def test_the_table_of_the_design_is_kept_in_its_order() -> None:
    assert [key for key in METRICS if "day" in METRICS[key].periods] == TABLE.split()


def test_units_are_those_that_the_documentation_lists() -> None:
    units = {entry.key: entry.unit for entry in METRICS.values()}
    counted = {"models", "authors", "uses", "addresses", "registrations", "enclaves", "machines", "owners", "sessions"}
    assert set(units.values()) == counted | {"requests", "tokens", "token", "share", "ratio", "points", "index"}
    assert units["demand_gap_7d"] == "points" and units["uses_change_7d"] == "ratio" and units["hhi"] == "index"
    assert all(unit == "share" for key, unit in units.items() if "share" in key)


def test_a_metric_without_definition_or_with_a_taken_key_is_refused() -> None:
    def uses(book: PeriodData) -> int:
        """Another one."""
        return 0

    def undefined(book: PeriodData) -> int:
        return 0

    with pytest.raises(TypeError, match="metric uses: defined twice"):
        metric(unit="uses", label="again")(uses)
    with pytest.raises(TypeError, match="metric undefined: has no docstring"):
        metric(unit="uses", label="nothing")(undefined)
    assert "undefined" not in METRICS


def test_every_metric_lives_in_a_noun_of_the_package() -> None:
    homes = {entry.compute.__module__ for entry in METRICS.values()}
    assert homes == {noun.__name__ for noun in NOUNS}


# --- figures ---------------------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(books())
def test_figures_are_finite_and_survive_json(period_data: PeriodData) -> None:
    documents = {key: figure.to_document([0]) for key, figure in compute_figures(period_data).items()}
    for document in documents.values():
        value = document["value"]
        assert (value is None) == ("unknown" in document)
        assert value is None or (math.isfinite(float(value)) and not isinstance(value, bool))
        assert value is not None or len(document["unknown"]) > 5
    assert json.loads(json.dumps(documents, allow_nan=False)) == documents


@settings(max_examples=100)
@given(books(known=True))
def test_figures_do_not_depend_on_the_order_of_models(period_data: PeriodData) -> None:
    turned = replace(
        period_data,
        listed=period_data.listed[::-1],
        flow=replace(period_data.flow, by_model=dict(reversed(period_data.flow.by_model.items()))),
    )
    assert compute_figures(turned) == compute_figures(period_data)


@settings(max_examples=100)
@given(books(known=True))
def test_figures_stay_within_their_bounds(period_data: PeriodData) -> None:
    known = {k: f.value for k, f in compute_figures(period_data).items() if not isinstance(f.value, Unknown)}
    amounts = {key: value.value if isinstance(value, AtLeast) else value for key, value in known.items()}
    for key, value in amounts.items():
        if METRICS[key].unit in ("share", "index"):
            assert 0 <= value <= 1, key
        if METRICS[key].unit in ("models", "authors", "uses"):
            assert value >= 0, key
    if "effective_models" in amounts:
        assert 1 - 1e-9 <= amounts["effective_models"] <= len(period_data.flow.by_model) * (1 + 1e-9)
        assert 1 / amounts["hhi"] <= amounts["effective_models"] * (1 + 1e-9)  # Hill numbers fall with their order
    if "models_for_90" in amounts:
        assert amounts["models_for_half"] <= amounts["models_for_90"]
    if "models_outweighed" in amounts:
        assert amounts["models_outweighed"] >= amounts["models_listed"] - amounts["models_used"]
    if "authors_used" in amounts:
        assert amounts["authors_used"] <= amounts["authors_listed"]


@settings(max_examples=100)
@given(books(known=True), st.data())
def test_making_a_part_unknown_never_makes_a_number_of_it(period_data: PeriodData, data: st.DataObject) -> None:
    parts = ["listed", "listed_before", "listed_7d_before", "listed_period_before", "flow", "flow_before", "total_7d"]
    part = data.draw(st.sampled_from([*parts, "total_30d", "total_prior_7d", "newly_listed"]))
    hidden = replace(period_data, **{part: WHY})
    before, after = compute_figures(period_data), compute_figures(hidden)
    for key, figure in after.items():
        assert figure == before[key] or isinstance(figure.value, Unknown), key


def test_a_book_of_which_nothing_is_known_gives_every_figure_its_reason() -> None:
    assert {figure.value for figure in compute_figures(unread()).values()} == {WHY}


def test_units_and_labels_speak_of_the_catalogues_own_unit() -> None:
    figures = compute_figures(book([3]))
    assert (
        figures["uses"].unit == figures["median_uses"].unit == "runs" and figures["uses_7d"].label == "runs in 7 days"
    )
    assert figures["models_listed"].unit == "models" and figures["uses"].evidence == "reported"


def test_uses_by_evidence_belong_to_catalogues_of_that_evidence() -> None:
    claimed = replace(book([3]), catalogue=Catalogue("og", "hub", "Model Hub", "inferences", "claimed"))
    assert "uses_reported" not in compute_figures(claimed) and compute_figures(claimed)["uses"].evidence == "claimed"
    assert compute_figures(book([3]))["uses_reported"].value == 3


def test_figures_of_different_evidence_stand_side_by_side() -> None:
    llm = Catalogue("og", "llm", "LLMs", "inferences", "verified", evidences=EVIDENCES, token=("OPG", 18))
    numbers = {"claimed": 90, "backed": 50, "verified": 40, "reported": 400}
    figures = compute_figures(replace(book([40]), catalogue=llm, evidence=numbers, paid=Decimal("0.5")))
    assert [figures[f"uses_{name}"].value for name in EVIDENCES] == [90, 50, 40, 400]
    assert [figures[f"uses_{name}"].evidence for name in EVIDENCES] == list(EVIDENCES)
    assert figures["share_verified"].value == 0.8 and figures["paid"].to_document([])["value"] == "0.5"
    assert figures["paid"].unit == "OPG" and "sessions" not in figures and "callers" not in figures


def test_more_verified_than_backed_is_no_share() -> None:
    period_data = replace(book([3]), evidence={"backed": 3, "verified": 4})
    assert compute_figures(period_data)["share_verified"].value == Unknown(
        "not defined: uses backed in an earlier period were verified in this one"
    )


def test_a_panel_has_figures_of_its_own_and_no_models() -> None:
    panel = Catalogue("og", "payments", "payments", "payments", "claimed", panel=True, token=("OPG", 18))
    shown = replace(unread(), catalogue=panel, gauges={"sessions": 7}, callers=called([3, 1]), paid=Decimal(4))
    amounts = {key: figure.value for key, figure in compute_figures(shown).items()}
    requests = Unknown("not shown on 12 Jan 2025")
    assert amounts == {
        "callers": 2,
        "callers_7d": Unknown("callers cannot be seen here"),
        "callers_30d": Unknown("callers cannot be seen here"),
        "top_caller_share": 0.75,
        "paid": Decimal(4),
        "sessions": 7,
        "requests_reported": requests,
    }


@pytest.mark.parametrize("name", ["week", "month"])
def test_a_longer_period_has_its_own_changes_and_no_rolling_keys(name: str) -> None:
    figures = compute_figures(replace(book([3]), period=Period.for_day(DAY, name)))
    assert {"uses_change", "inventory_change", "demand_gap", "models_never_used", "uses"} <= set(figures)
    assert not [key for key in figures if key.endswith(("_7d", "_30d"))]
    assert {m.periods for m in METRICS.values()} == {EVERY_PERIOD, DAY_ONLY, LONGER_ONLY}
    assert not {"uses_change", "inventory_change", "demand_gap"} & set(compute_figures(book([3])))


# --- edges -----------------------------------------------------------------------------------------------------------


def value(period_data: PeriodData, key: str) -> Any:
    return METRICS[key].compute(period_data)


def test_one_model_has_all_the_use() -> None:
    amounts = {key: figure.value for key, figure in compute_figures(book([7])).items()}
    assert amounts["models_for_half"] == amounts["models_for_90"] == amounts["hhi"] == amounts["effective_models"] == 1
    assert amounts["gini_listed"] == amounts["gini_used"] == amounts["models_outweighed"] == 0
    assert amounts["top_1_share"] == amounts["top_10_share"] == amounts["share_used"] == 1
    assert amounts["median_uses"] == 7 and amounts["uses"] == amounts["uses_reported"] == 7


def test_a_model_without_an_author_is_no_author() -> None:
    """A network that names no authors had one of each day."""
    nobody = [model(n, author="", name=f"m{n}", last_used=DAY) for n in (1, 2)]
    somebody = model(3, last_used=DAY)
    use = Usage(12, {1: 3, 2: 4, 3: 5})
    mixed = book([3, 4, 5], listed=(*nobody, somebody), flow=use)
    assert value(mixed, "authors_listed") == value(mixed, "authors_used") == 1
    unnamed = book([3, 4], listed=tuple(nobody), flow=Usage(7, {1: 3, 2: 4}))
    for key in ("authors_listed", "authors_used"):
        assert isinstance(value(unnamed, key), Unknown) and "names an author" in value(unnamed, key).reason
    assert value(book(), "authors_listed") == value(book(), "authors_used") == 0
    in_part = book([3, 4], listed=WHY, listed_in_part=(*nobody, somebody))
    assert value(in_part, "authors_listed") == AtLeast(1, WHY.reason)


def test_no_use_is_zero_and_what_divides_by_it_is_not_defined() -> None:
    amounts = {key: figure.value for key, figure in compute_figures(book(idle=4)).items()}
    assert amounts["uses"] == amounts["models_used"] == amounts["models_used_7d"] == amounts["share_used"] == 0
    assert amounts["uses_per_listed"] == amounts["authors_used"] == 0 and amounts["models_never_used"] == 4
    for key in (
        "median_uses",
        "top_1_share",
        "models_for_half",
        "models_outweighed",
        "gini_listed",
        "gini_used",
        "hhi",
    ):
        assert amounts[key] == Unknown("not defined: no use"), key
    assert amounts["effective_models"] == amounts["share_attributed"] == Unknown("not defined: no use")
    assert amounts["uses_change_7d"] == amounts["demand_gap_7d"] == Unknown("not defined: no use in the 7 days before")


def test_an_empty_list_is_no_share_of_anything() -> None:
    amounts = {key: figure.value for key, figure in compute_figures(book()).items()}
    assert amounts["models_listed"] == amounts["models_used"] == 0
    assert amounts["share_used"] == amounts["uses_per_listed"] == Unknown("not defined: no model listed")
    assert amounts["inventory_change_7d"] == Unknown("not defined: no model listed 7 days before")


def test_equal_use_is_not_concentrated() -> None:
    even = book([5] * 20)
    assert value(even, "gini_used") == value(even, "gini_listed") == 0
    assert value(even, "hhi") == 0.05 and math.isclose(value(even, "effective_models"), 20)
    assert value(even, "models_for_half") == 10 and value(even, "models_for_90") == 18
    assert value(even, "models_outweighed") == 0  # one other model is not below it


def test_a_giant_outweighs_all_idle_ones_and_many_used_ones() -> None:
    from skbio.diversity import alpha  # takes long, needed only here

    giant = book([MAX_COUNT, *[1] * 50], idle=949)
    assert value(giant, "models_outweighed") == 999 and value(giant, "models_for_90") == 1
    assert 0.998 < value(giant, "gini_listed") < 1 and value(giant, "top_1_share") < 1
    listed = [MAX_COUNT, *[1] * 50, *[0] * 949]
    assert math.isclose(value(giant, "gini_listed"), alpha.gini_index(listed, method="trapezoids"), abs_tol=1e-9)


def test_gini_is_that_of_the_textbook() -> None:
    assert value(book([1, 2, 3, 4]), "gini_used") == pytest.approx(0.25)
    assert value(book([0, 0, 0, 1], idle=3), "gini_listed") == pytest.approx(0.75)


def test_outweighing_means_strictly_less_together() -> None:
    assert value(book([10, 4, 5], idle=2), "models_outweighed") == 4
    assert value(book([10, 5, 5], idle=2), "models_outweighed") == 3


def test_half_is_reached_at_exactly_half() -> None:
    assert value(book([50, 25, 25]), "models_for_half") == 1
    assert value(book([90, 10]), "models_for_90") == 1
    assert value(book([499, 251, 250]), "models_for_half") == 2


def test_shares_stay_exact_beyond_the_precision_of_floats() -> None:
    huge = 2**53
    assert value(book([huge + 1, huge]), "models_for_half") == 1
    assert value(book([huge, huge + 1, 1]), "uses") == 2 * huge + 2


def test_use_that_names_no_model_counts_and_leaves_concentration_unknown() -> None:
    partly = book([30, 10], unattributed=60)
    assert value(partly, "uses") == 100 and value(partly, "share_attributed") == 0.4
    for key in ("top_1_share", "top_5_share", "top_10_share", "gini_listed", "models_outweighed"):
        assert value(partly, key) == Unknown("60 of 100 uses name no model"), key
    assert value(partly, "hhi") == 0.625 and value(partly, "models_used") == 2
    assert value(partly, "models_for_half") == Unknown("less than that share of use names its model")
    assert value(book([50], unattributed=50), "models_for_half") == 1


LLM = replace(MODELS, evidence="verified", evidences=("verified",))


@pytest.mark.parametrize(("lost", "known"), [(40, True), (41, False)])
def test_of_verified_use_models_are_spoken_of_where_at_least_half_names_its_model(lost: int, known: bool) -> None:
    period_data = book([30, 10], idle=1, unattributed=lost, catalogue=LLM)
    for key in ("models_used", "share_used", "authors_used", "hhi", "effective_models", "gini_used", "median_uses"):
        assert isinstance(value(period_data, key), Unknown) is not known, key
    assert known or value(period_data, "hhi") == Unknown("41 of 81 uses name no model")
    week = replace(period_data, total_7d=81, unnamed_7d=lost, total_30d=81, unnamed_30d=lost)
    for key in ("models_used_7d", "models_used_30d", "share_used_7d", "share_used_30d"):
        assert isinstance(value(week, key), Unknown) is not known, key


def test_no_model_is_never_used_where_a_use_of_the_month_may_have_been_its_own() -> None:
    period_data = book([30], idle=2, catalogue=LLM)
    assert value(period_data, "models_never_used") == 2
    assert value(replace(period_data, unnamed_30d=1), "models_never_used") == Unknown("1 of 900 uses name no model")
    assert value(replace(period_data, total_30d=WHY), "models_never_used") == WHY


def test_where_no_use_names_its_model_nothing_is_said_of_models() -> None:
    nameless = book(idle=5, unattributed=60)
    amounts = {key: figure.value for key, figure in compute_figures(nameless).items()}
    assert amounts["uses"] == 60 and amounts["share_attributed"] == 0 and amounts["models_listed"] == 5
    for key in ("models_used", "models_used_7d", "share_used", "authors_used", "gini_listed", "hhi", "top_5_share"):
        assert amounts[key] == Unknown("none of the use names its model"), key


def test_a_model_removed_during_the_day_is_used_but_not_listed() -> None:
    gone = replace(
        book({1: 5, 2: 9}), listed=(model(1, last_used=DAY, last_used_from=DAY),), names={2: SafeName("x/y")}
    )
    assert value(gone, "models_used") == 1 and value(gone, "uses") == 14 and value(gone, "median_uses") == 7
    assert value(gone, "models_removed") == 1 and value(gone, "top_1_share") == 9 / 14


def test_a_median_between_two_counts_may_be_half() -> None:
    assert value(book([1, 2]), "median_uses") == 1.5
    assert value(book([1, 3]), "median_uses") == 2 and isinstance(value(book([1, 3]), "median_uses"), int)


def test_a_use_of_a_missed_reading_counts_only_in_windows_that_hold_all_of_it() -> None:
    straddling = model(1, last_used=DAY - 5 * ONE, last_used_from=DAY - 7 * ONE)
    period_data = book([5], listed=(straddling,))
    assert value(period_data, "models_used_7d") == 0 and value(period_data, "models_used_30d") == 1
    edge = replace(straddling, last_used_from=DAY - 6 * ONE)
    assert value(replace(period_data, listed=(edge,)), "models_used_7d") == 1


def test_an_incomplete_window_passes_its_reason_on() -> None:
    short = Unknown("watched for 12 of 30 days")
    figures = compute_figures(book([5], total_30d=short))
    assert figures["uses_30d"].value == figures["models_used_30d"].value == figures["share_used_30d"].value == short
    assert figures["models_used_7d"].value == 1
    assert compute_figures(book([5], listed_before=WHY))["models_added"].value == WHY


@pytest.mark.parametrize(("since", "given_value"), [(29, Unknown("watched for 29 of 30 days")), (30, 1)])
def test_never_used_needs_thirty_days_of_watching(since: int, given_value: object) -> None:
    idle = book(idle=1, watched_since=DAY - timedelta(days=since))
    assert value(idle, "models_never_used") == given_value


def test_never_used_leaves_out_the_new_and_the_seen() -> None:
    kinds = (
        model(1, first_listed=None),
        model(2, first_listed=DAY - timedelta(days=30)),
        model(3, first_listed=DAY - timedelta(days=29)),
        model(4, used_before_watch=True),
        model(5, last_used=DAY - timedelta(days=90)),
    )
    assert value(book(listed=kinds), "models_never_used") == 2
    assert value(book(listed=kinds, watched_since=None), "models_never_used") == Unknown("watched for 0 of 30 days")


def test_activation_counts_first_uses_within_thirty_days_of_listing() -> None:
    listed = DAY - timedelta(days=45)
    new = (
        model(1, first_listed=listed, first_used=listed),
        model(2, first_listed=listed, first_used=listed + timedelta(days=29)),
        model(3, first_listed=listed, first_used=listed + timedelta(days=30)),
        model(4, first_listed=listed, used_before_watch=True),
        model(5, first_listed=listed),
    )
    assert value(book(newly_listed=new), "activation_30d") == 0.6
    late = book(newly_listed=new, watched_since=DAY - timedelta(days=59))
    assert value(late, "activation_30d") == Unknown("watched for 59 of 60 days")
    assert value(book(), "activation_30d") == Unknown("not defined: no model first listed in those days")


def test_demand_outruns_supply_by_points() -> None:
    period_data = book([10], idle=9, total_7d=110, total_prior_7d=100, listed_7d_before=8)
    assert value(period_data, "uses_change_7d") == 0.1 and value(period_data, "inventory_change_7d") == 0.25
    assert value(period_data, "demand_gap_7d") == pytest.approx(-0.15)


def test_models_are_ranked_once_a_book_and_never_taken_for_another_books() -> None:
    period_data, twin = book([5, 3]), book([5, 3])
    assert usage_ranking(period_data) is usage_ranking(period_data) and listed_counts(period_data) is listed_counts(
        period_data
    )
    assert usage_ranking(period_data) is not usage_ranking(twin) and usage_ranking(period_data) == usage_ranking(twin)
    assert [usage_ranking(book([n])).uses for n in range(1, 20)] == list(range(1, 20))


def test_the_day_of_the_book_is_the_only_clock() -> None:
    now = book([5], period=Period.for_day(date(1999, 12, 31)))
    assert value(now, "models_never_used") == Unknown("watched for 0 of 30 days")


def test_a_definition_changes_only_with_a_decision_about_its_version() -> None:
    """A new meaning needs a new `version=`, so that older editions are not compared with it; other words for the same
    meaning do not. In both cases, write the file again with GOLDEN=1."""
    golden = Path(__file__).parents[1] / "golden" / "definitions.txt"
    lines = [f"{m.key} {m.version} {sha256(m.definition.encode()).hexdigest()[:12]}" for m in METRICS.values()]
    if os.environ.get("GOLDEN"):
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()
