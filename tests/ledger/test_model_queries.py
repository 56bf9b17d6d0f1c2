"""Queries about single models, compared with the period data and the full table of the same day."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import ledger, store
from bot.records import Period, SafeName, Unknown, Usage
from tests.ledger.test_ledger import fresh, told
from tests.worlds import CATALOGUE, ONE, START, World, snapshot, worlds

SOME = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
DAYS = tuple(START + n * ONE for n in range(-1, 13))


def expected(db: store.Store, name: SafeName, period: Period) -> ledger.ModelStanding:
    """From the full table and the period data."""
    rows, listed = ledger.model_rankings(db, CATALOGUE, period), ledger.load_period_data(db, CATALOGUE, period).listed
    seen = listed if isinstance(listed, Unknown) else next((m for m in listed if m.name == name), None)
    if isinstance(rows, Unknown):
        return ledger.ModelStanding(seen, rows, None, None, None)
    row = next((r for r in rows if r.model == name), None)
    if row is None:
        return ledger.ModelStanding(None, Unknown("not listed on this day"), None, None, len(rows))
    flow = ledger.load_period_data(db, CATALOGUE, period).flow
    assert isinstance(flow, Usage) and not isinstance(seen, Unknown | None)
    fell = flow.unknown_models is not None and seen.id in flow.unknown_models
    why = "its counter fell, so its use is not known" if fell else "it had no reading when the day began"
    uses = Unknown(why) if row.uses is None else row.uses
    return ledger.ModelStanding(seen, uses, row.rank if row.uses else None, row.share, len(rows))


@SOME
@given(worlds(falls=True), st.sampled_from(DAYS))
def test_a_model_stands_as_the_full_table_of_the_day_has_it(world: World, day: object) -> None:
    db, period = told(fresh(), world), Period(day, day)  # type: ignore[arg-type]
    for name in (*(SafeName(f"o{n % 2}/m{n}") for n in range(5)), SafeName("no/such")):
        assert ledger.model_standing(db, CATALOGUE, name, period.last) == expected(db, name, period)


@SOME
@given(worlds(falls=True), st.sampled_from(DAYS), st.sampled_from(("day", "week")))
def test_what_moved_and_what_was_on_offer_is_as_in_the_book(world: World, day: object, kind: str) -> None:
    db, period = told(fresh(), world), Period.for_day(day, kind)  # type: ignore[arg-type]
    book, moves = ledger.load_period_data(db, CATALOGUE, period), ledger.usage_comparison(db, CATALOGUE, period)
    assert (moves.now, moves.before) == (book.flow, book.flow_before)
    listed = {} if isinstance(book.listed, Unknown) else {m.id: m for m in book.listed}
    used = {key for flow in (book.flow, book.flow_before) if isinstance(flow, Usage) for key in flow.by_model}
    for key in used:
        model = moves.models[key]
        known = listed.get(key)
        assert model.name == (known.name if known else book.names[key])
        assert model.first_listed == (known.first_listed if known else None)
    end = period.last
    offer, ended = ledger.day_listing(db, CATALOGUE, end), ledger.load_period_data(db, CATALOGUE, Period(end, end))
    assert offer.watched_since == ended.watched_since
    if isinstance(ended.listed, Unknown):
        assert offer.listed == ended.listed
    else:
        assert offer.listed == tuple((m.name, m.author, m.last_used) for m in ended.listed)


def test_a_mark_changes_with_everything_that_is_added_and_with_nothing_else(db: store.Store) -> None:
    marks = [ledger.data_version(db)]
    for n in range(3):
        ledger.add_snapshot(db, snapshot(START + n * ONE, {"a/x": n}))
        marks.append(ledger.data_version(db))
        ledger.add_snapshot(db, snapshot(START + n * ONE, {"a/x": n}))
        assert ledger.data_version(db) == marks[-1]
    assert len(set(marks)) == 4
