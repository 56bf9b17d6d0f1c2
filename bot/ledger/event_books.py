"""Books of catalogues and panels that are told event by event.

A window counts as known where nothing of it is missing and every settlement in it has its verdict; a day without a row
in such a window had no use. What a book costs does not grow with the length of history.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import Any

import sqlalchemy as sa
import structlog

from bot.lake import LakeError
from bot.ledger import books, sleepers
from bot.ledger import callers as who
from bot.ledger.snapshots import ONE
from bot.records import (
    Book,
    Callers,
    Catalogue,
    Evidence,
    Flow,
    Model,
    Period,
    Point,
    Ref,
    Unknown,
    few_named,
    instant,
    spoken,
    unnamed,
)
from bot.store import (
    Store,
    catalogues,
    event_refs,
    gauges,
    refs,
    settlements,
    snapshots,
    strangers,
    stretches,
    tallies,
    usage,
    windows,
)
from bot.store import event_days as day_rows

log = structlog.get_logger(__name__)

SHOWN = 3
"""Emitters that a gap names."""
ADDED_UP = frozenset({"requests_reported"})
"""Gauges that are flows: a period's is the sum of its days'. The others are stocks: the last day's."""
NEWEST = frozenset({"requests_reported"})
"""Gauges of which the newest reading of a day counts; of the others the highest."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One catalogue of one database, being asked about its events."""

    connection: sa.Connection
    key: int
    catalogue: Catalogue
    store: Store


def book(store: Store, catalogue: Catalogue, period: Period, of_callers: bool = True) -> Book:
    """The book of one catalogue and period: the list as `books` has it, the use by what was told event by event. Those
    who called may be left out: over many days they are counted in the lake."""
    with store.reading() as connection:
        key = connection.scalar(
            sa.select(catalogues.c.id).where(
                catalogues.c.network == catalogue.network, catalogues.c.name == catalogue.key
            )
        )
        if key is None:
            why = Unknown("nothing was collected yet")
            return _unread(catalogue, period, why)
        return _filled(_Asked(connection, key, catalogue, store), period, of_callers)


def shelf(
    store: Store, catalogue: Catalogue, period: Period
) -> tuple[tuple[Model, ...], Flow, frozenset[int]] | Unknown:
    """As `books.shelf`. Where part of the use names no model, nothing is known of models that none of it names."""
    found = book(store, catalogue, period, of_callers=False)
    if isinstance(found.listed, Unknown):
        return found.listed
    if isinstance(found.flow, Unknown):
        return found.flow
    if found.flow.uses and not found.flow.by_model:
        return Unknown("none of the use names its model")
    if few := few_named(catalogue.evidence, found.flow.unattributed, found.flow.uses):
        return few
    known = frozenset() if found.flow.unattributed else frozenset(model.id for model in found.listed)
    return found.listed, found.flow, known


def offered(store: Store, catalogue: Catalogue, day: date, days: int) -> Book:
    """The book of a day, for its list; the list is unknown where not all use of the `days` that end with it was read,
    or not all of it names its model: any model could have had the rest."""
    found = book(store, catalogue, Period(day, day), of_callers=False)
    with store.reading() as connection:
        mine = (catalogues.c.network == catalogue.network, catalogues.c.name == catalogue.key)
        key = connection.scalar(sa.select(catalogues.c.id).where(*mine))
        if key is None or isinstance(found.listed, Unknown):
            return found
        flow = _flow(_Asked(connection, key, catalogue, store), day - (days - 1) * ONE, day)
    if isinstance(flow, Unknown):
        return replace(found, listed=flow)
    return replace(found, listed=unnamed(flow.unattributed, flow.uses)) if flow.unattributed else found


def panel(store: Store, catalogue: Catalogue, period: Period) -> Book:
    """The book of a panel: no list of models, only what it shows."""
    empty = _unread(catalogue, period, Unknown("a panel lists no models"))
    with store.reading() as connection:
        key = connection.scalar(
            sa.select(catalogues.c.id).where(
                catalogues.c.network == catalogue.network, catalogues.c.name == catalogue.key
            )
        )
        if key is None:
            return empty
        asked = _Asked(connection, key, catalogue, store)
        paid = _paid(asked, period) if catalogue.token[0] else None
        return replace(
            empty,
            gauges=_gauges(asked, period),
            **(_all_callers(asked, period) if catalogue.token[0] else {}),
            paid=paid,
            gaps=(*_payment_gaps(asked, period), *catalogue.caveats),
            refs=_refs(asked, period),
        )


def _unread(catalogue: Catalogue, period: Period, why: Unknown) -> Book:
    token = catalogue.token[0]
    unknown = Unknown(f"{catalogue.place} was not read to the end of {spoken(period.last)}")
    return Book(
        *(catalogue, period, None, *(why,) * 4, *(unknown,) * 5, why, (), catalogue.caveats, ()),
        evidence=dict.fromkeys(catalogue.evidences, unknown),
        callers=(called := unknown if token or catalogue.evidences else None),
        callers_7d=called,
        callers_30d=called,
        paid=unknown if token else None,
    )


def _filled(asked: _Asked, period: Period, of_callers: bool) -> Book:
    catalogue, end = asked.catalogue, period.last
    since = asked.connection.scalar(sa.select(sa.func.min(snapshots.c.day)).where(snapshots.c.catalogue == asked.key))
    begun = asked.connection.scalar(sa.select(sa.func.min(windows.c.begins)).where(windows.c.catalogue == asked.key))
    stock = books.Asked(asked.connection, asked.key, catalogue.unit, since or date.max, {})
    flow = _flow(asked, period.first, end)
    listed = books.listed_at(stock, end)
    here = () if isinstance(listed, Unknown) else listed
    flow_before = _flow(asked, period.before.first, period.before.last)
    week, month = _flow(asked, end - 6 * ONE, end), _flow(asked, end - 29 * ONE, end)
    used = {model for found in (flow, flow_before) if isinstance(found, Flow) for model in found.by_model}
    names, authors = books.names_of(stock, used - {m.id for m in here})
    watched = max(filter(None, (since, begun and begun.date() - ONE)), default=None)
    why = Unknown("watched for less than 60 days")
    return Book(
        catalogue=catalogue,
        period=period,
        watched_since=watched if since and begun else None,
        listed=listed,
        listed_before=books.ids_at(stock, period.first - ONE),
        listed_7d_before=books.stock_at(stock, end - 7 * ONE),
        listed_period_before=books.stock_at(stock, period.first - ONE),
        flow=flow,
        flow_before=flow_before,
        total_7d=week if isinstance(week, Unknown) else week.uses,
        total_30d=month if isinstance(month, Unknown) else month.uses,
        unbroken=watched is not None and watched < end and _unread_days(asked, watched + ONE, end) is None,
        unnamed_7d=0 if isinstance(week, Unknown) else week.unattributed,
        unnamed_30d=0 if isinstance(month, Unknown) else month.unattributed,
        total_prior_7d=_total(asked, end - 13 * ONE, end - 7 * ONE),
        newly_listed=books.newly_listed(stock, end) if since and since <= end else why,
        history=_history(asked, end, watched),
        gaps=(*books.notes(stock, period), *_event_gaps(asked, period), *_nameless(asked, flow), *catalogue.caveats),
        refs=(*books.references(stock, [period.first - ONE, end, end - 7 * ONE]), *_refs(asked, period)),
        names=names,
        authors=authors,
        uncounted=books.uncounted(stock, end),
        evidence={name: _by_evidence(asked, name, period) for name in catalogue.evidences},
        **(_all_callers(asked, period) if of_callers else {}),
        **_asleep(asked, here, flow, period),
        paid=Unknown("money is paid by session and not by use: see payments") if catalogue.token[0] else None,
    )


def _asleep(asked: _Asked, listed: Iterable[Model], flow: Flow | Unknown, period: Period) -> dict[str, Any]:
    """Which models fell asleep and woke up on a day, where the days that say so were read whole and every use of them
    names its model."""
    day, here = period.last, tuple(listed)
    if period.name != "day" or isinstance(flow, Unknown) or not here or flow.unattributed:
        return {}
    awake = sleepers.woken_told(asked.connection, asked.key, here, day)
    edges = {before for _, before in awake}
    read = {before for before in edges if _all_named(asked, before + ONE, day)}
    week = _all_named(asked, day - sleepers.QUIET_AFTER * ONE, day)
    return {
        "quiet": sleepers.quiet_told(asked.connection, here, day) if week else (),
        "woken": tuple(one for one in awake if one[1] in read),
    }


def _all_named(asked: _Asked, first: date, last: date) -> bool:
    flow = _flow(asked, first, last)
    return isinstance(flow, Flow) and not flow.unattributed


# --- windows -------------------------------------------------------------------------------------------------------


def _unread_days(asked: _Asked, first: date, last: date) -> Unknown | None:
    """Why not all of these days was read; `None` where nothing is missing."""
    chosen = sa.select(windows.c.begins, windows.c.ends).where(
        windows.c.catalogue == asked.key,
        windows.c.ends > instant(first),
        windows.c.begins < instant(last + ONE),
    )
    found = asked.connection.execute(chosen).all()
    days = [first + n * ONE for n in range((last - first).days + 1)]
    missing = [d for d in days if not any(w.begins <= instant(d) and w.ends >= instant(d + ONE) for w in found)]
    if not missing:
        return _not_added_up(asked, first, last)
    if len(days) > 1:
        return Unknown(f"{asked.catalogue.place} was read for {len(days) - len(missing)} of {len(days)} days")
    return Unknown(f"{asked.catalogue.place} was not read to the end of {spoken(missing[-1])}")


def _not_added_up(asked: _Asked, first: date, last: date) -> Unknown | None:
    """A process that ended between reading a day and adding it up leaves it to the next collection."""
    mine = (day_rows.c.catalogue == asked.key, day_rows.c.day.between(first, last), day_rows.c.stale)
    day = asked.connection.scalar(sa.select(sa.func.min(day_rows.c.day)).where(*mine))
    return Unknown(f"what was read of {spoken(day)} is not added up yet") if day else None


def _rows(asked: _Asked, evidence: Evidence, first: date, last: date) -> list[Any]:
    mine = (tallies.c.catalogue == asked.key, tallies.c.evidence == evidence, tallies.c.day.between(first, last))
    return list(asked.connection.execute(sa.select(tallies).where(*mine).order_by(tallies.c.day)))


def _total(asked: _Asked, first: date, last: date, evidence: Evidence | None = None) -> int | Unknown:
    if unread := _unread_days(asked, first, last):
        return unread
    found = _rows(asked, evidence or asked.catalogue.evidence, first, last)
    unknown = next((row for row in found if row.uses is None), None)
    if unknown is not None:
        on = f"{spoken(unknown.day)}: " if first != last else ""
        return Unknown(f"{on}{unknown.unknown}")
    return sum(int(row.uses) for row in found)


def _by_evidence(asked: _Asked, evidence: Evidence, period: Period) -> int | Unknown:
    if evidence != "reported":
        return _total(asked, period.first, period.last, evidence)
    shown = _gauges(asked, period).get("requests_reported")
    if isinstance(shown, int | Unknown):
        return shown
    return Unknown(f"the operator's own count of {spoken(period.last)} was not read")


def _flow(asked: _Asked, first: date, last: date) -> Flow | Unknown:
    total = _total(asked, first, last)
    if isinstance(total, Unknown):
        return total
    inside = (usage.c.catalogue == asked.key, usage.c.last_day.between(first, last), usage.c.first_day >= first)
    found = sa.select(usage.c.model, sa.func.sum(usage.c.uses)).where(*inside).group_by(usage.c.model)
    by_model = {model: int(count) for model, count in asked.connection.execute(found)}
    return Flow(total, by_model, unattributed=total - sum(by_model.values()))


def _history(asked: _Asked, end: date, since: date | None) -> tuple[Point, ...]:
    if since is None or since >= end:
        return ()
    first = max(since + ONE, end - (books.HISTORY - 1) * ONE)
    told = {row.day: row for row in _rows(asked, asked.catalogue.evidence, first, end)}
    read = sa.select(windows.c.begins, windows.c.ends).where(windows.c.catalogue == asked.key)
    covered = asked.connection.execute(read).all()
    open_days = (day_rows.c.catalogue == asked.key, day_rows.c.day.between(first, end), day_rows.c.stale)
    stale = set(asked.connection.scalars(sa.select(day_rows.c.day).where(*open_days)))
    closed = (snapshots.c.catalogue == asked.key, snapshots.c.day.between(first - ONE, end))
    stocks = {row.day: row for row in asked.connection.execute(sa.select(snapshots).where(*closed))}
    changed = (stretches.c.catalogue == asked.key, stretches.c.last_day.between(first, end))
    lists = {row.last_day: row for row in asked.connection.execute(sa.select(stretches).where(*changed))}
    points = []
    for day in (first + n * ONE for n in range((end - first).days + 1)):
        read_whole = any(w.begins <= instant(day) and w.ends >= instant(day + ONE) for w in covered)
        whole = read_whole and day not in stale
        points.append(_point(day, whole, told.get(day), stocks.get(day), stocks.get(day - ONE), lists.get(day)))
    return tuple(points)


def _point(day: date, whole: bool, told: Any, stock: Any, before: Any, change: Any) -> Point:
    listed = stock.listed if stock is not None and not stock.unplaced else None
    steady = listed is not None and before is not None and not before.unplaced and change is not None
    added = change.added if steady and change.first_day == day else None
    if not whole or (told is not None and told.uses is None):
        return Point(day, models_listed=listed, models_added=added)
    if told is None:
        return Point(day, 0, 0, listed, added, 0)
    few = few_named(told.evidence, told.unattributed, told.uses)
    named = not few and (told.models_used or not told.uses)
    return Point(day, told.uses, told.models_used if named else None, listed, added, told.top_uses if named else None)


# --- who and how much ----------------------------------------------------------------------------------------------


def _callers_of(period: Period) -> tuple[str, ...]:
    """Fields of a book that say who called: of a day also in the days up to it."""
    return ("callers", "callers_7d", "callers_30d") if period.name == "day" else ("callers",)


def _all_callers(asked: _Asked, period: Period) -> dict[str, Any]:
    firsts = (period.first, period.last - 6 * ONE, period.last - 29 * ONE)
    return {name: _callers(asked, first, period.last) for name, first in zip(_callers_of(period), firsts, strict=False)}


def _callers(asked: _Asked, first: date, last: date) -> Callers | Unknown:
    if unread := _unread_days(asked, first, last):
        return unread
    if who.settled(asked.connection, asked.key, first, last):
        return Unknown(who.UNSAID)
    found = who.days(asked.connection, asked.key, first, last)
    if any(row.unsigned for row in found):
        return Unknown(who.UNSIGNED)
    if not found:
        return Callers(0, 0, 0)
    try:
        return who.called(asked.connection, asked.key, asked.catalogue, found, asked.store.lake)
    except LakeError as error:
        # Whose reason names files of this machine: `lake verify` says it to whoever runs this, not to readers.
        log.error("callers cannot be counted", catalogue=asked.catalogue.key, error=str(error))
        return Unknown("the events of some of these days cannot be read")


def _summed(asked: _Asked, period: Period, column: sa.Column[int]) -> int:
    """A column of the days with events, added up."""
    mine = (day_rows.c.catalogue == asked.key, day_rows.c.day.between(period.first, period.last))
    return int(asked.connection.scalar(sa.select(sa.func.sum(column)).where(*mine)) or 0)


def _paid(asked: _Asked, period: Period) -> Decimal | Unknown:
    """In whole tokens, exact."""
    if unread := _unread_days(asked, period.first, period.last):
        return unread
    total = sum(int(row.paid) for row in who.days(asked.connection, asked.key, period.first, period.last))
    return Decimal(total).scaleb(-asked.catalogue.token[1], Context(prec=200)).normalize(Context(prec=200))


def _gauges(asked: _Asked, period: Period) -> dict[str, int | Decimal | Unknown]:
    shown: dict[str, int | Decimal | Unknown] = {}
    if asked.catalogue.token[0]:
        shown["sessions"] = _sessions(asked, period)
    mine = (gauges.c.catalogue == asked.key, gauges.c.day.between(period.first, period.last))
    found: dict[str, dict[date, int]] = {}
    for row in asked.connection.execute(sa.select(gauges).where(*mine).order_by(gauges.c.at)):
        days = found.setdefault(row.key, {})
        days[row.day] = int(row.value) if row.key in NEWEST else max(days.get(row.day, 0), int(row.value))
    for key, days in found.items():
        if key not in ADDED_UP:
            shown[key] = days.get(period.last, Unknown(f"not read on {spoken(period.last)}"))
        elif len(days) == period.days:
            shown[key] = sum(days.values())
        else:
            shown[key] = Unknown(f"reported for {len(days)} of {period.days} days")
    return shown


def _sessions(asked: _Asked, period: Period) -> int | Unknown:
    if unread := _unread_days(asked, period.first, period.last):
        return unread
    return _summed(asked, period, day_rows.c.sessions)


# --- what is not known, and where it was read ------------------------------------------------------------------------


def _event_gaps(asked: _Asked, period: Period) -> Iterable[str]:
    unit = asked.catalogue.unit
    mine = (settlements.c.catalogue == asked.key, settlements.c.day.between(period.first, period.last))
    by_state = sa.select(settlements.c.state, sa.func.count()).where(*mine).group_by(settlements.c.state)
    states: dict[str, int] = {row[0]: int(row[1]) for row in asked.connection.execute(by_state)}
    if states.get("pending"):
        yield f"{_settlements(states['pending'])} not judged to the end: the blob or a key was not to be had yet."
    if states.get("expired"):
        yield f"{_settlements(states['expired'])} without a blob that can be read: claimed, and backed by nothing."
    if states.get("stranger"):
        yield f"{_settlements(states['stranger'])} by a sender that is not pinned: not counted in any figure."
    refused = sa.select(settlements.c.reason, sa.func.count()).where(
        *mine, settlements.c.state == "verdict", settlements.c.reason != ""
    )
    for reason, count in asked.connection.execute(refused.group_by(settlements.c.reason).limit(5)):
        yield f"{_settlements(int(count))}: {reason}."
    told = sa.select(settlements.c.models).where(*mine, settlements.c.models != "{}", settlements.c.verified == 0)
    if said := Counter(model for text in asked.connection.scalars(told) for model in json.loads(text)):
        most = ", ".join(f"{model} {n}" for model, n in said.most_common(SHOWN))
        yield f"{said.total()} {unit} are named by their sender alone ({most}); unproven, they count for no model."
    yield from _standing_gaps(asked, sa.select(settlements.c.standings).where(*mine, settlements.c.standings != "{}"))
    seen = (strangers.c.catalogue == asked.key, strangers.c.day.between(period.first, period.last))
    found = sa.select(strangers.c.address, sa.func.sum(strangers.c.logs)).where(*seen).group_by(strangers.c.address)
    emitters = asked.connection.execute(found).all()
    if emitters:
        shown = ", ".join(sorted(row[0] for row in emitters)[:SHOWN]) + (" and others" if emitters[SHOWN:] else "")
        total = sum(int(row[1]) for row in emitters)
        yield f"Unrecognised emitter: {_settlements(total)} of contracts not pinned ({shown}), not counted."
    if "backed" in asked.catalogue.evidences:
        yield from _unscanned(asked, period)
    nameless = _summed(asked, period, day_rows.c.nameless)
    if nameless:
        lost_words = "they count for no model, category or author"
        yield f"{nameless} {unit} name a content id that no listed model is known to hold; {lost_words}."


def _unscanned(asked: _Asked, period: Period) -> Iterable[str]:
    """The days on which nobody looked for settlements of contracts that are not pinned."""
    mine = (gauges.c.catalogue == asked.key, gauges.c.day.between(period.first, period.last))
    looked = sa.select(sa.func.count(gauges.c.day.distinct())).where(*mine, gauges.c.key == "strangers_seen")
    missing = period.days - int(asked.connection.scalar(looked) or 0)
    when = f"on {spoken(period.last)}" if period.days == 1 else f"on {missing} of {period.days} days"
    if missing:
        yield f"Nobody looked for settlements of contracts that are not pinned {when}."


def _nameless(asked: _Asked, flow: Flow | Unknown) -> Iterable[str]:
    """That figures by model speak of a part only."""
    if asked.catalogue.evidence == "verified" and isinstance(flow, Flow) and flow.unattributed and flow.by_model:
        lost, unit = flow.unattributed, asked.catalogue.unit
        yield f"{lost} of {flow.uses} {unit} do not name their model: figures by model speak of the others only."


_STANDINGS = {
    "placeholder": "written in place of an answer that came without proof",
    "bad signature": "with a signature that does not check out",
    "unknown key": "of an enclave that no registry lists",
    "not registered before its timestamp": "signed before their enclave was registered",
    "duplicate": "counted before, in another batch or this one",
    "implausible time": "signed too far from their block",
    "beyond the claimed size": "beyond the size that their log claims",
}


def _standing_gaps(asked: _Asked, chosen: sa.Select[Any]) -> Iterable[str]:
    counts: Counter[str] = Counter()
    for text in asked.connection.scalars(chosen):
        counts.update(json.loads(text))
    for standing, words in _STANDINGS.items():
        if counts[standing]:
            yield f"{counts[standing]} {'leaf' if counts[standing] == 1 else 'leaves'} {words}."


def _payment_gaps(asked: _Asked, period: Period) -> Iterable[str]:
    count = _summed(asked, period, day_rows.c.others)
    if not count:
        return
    mine = (day_rows.c.catalogue == asked.key, day_rows.c.day.between(period.first, period.last))
    payers: Counter[str] = Counter()
    for text in asked.connection.scalars(sa.select(day_rows.c.other_payers).where(*mine)):
        payers.update(json.loads(text))
    most = sorted(payers.items(), key=lambda payer: (-payer[1], payer[0]))[:SHOWN]
    shown = ", ".join(f"{n} from {payer}" for payer, n in most)
    # A day names its largest senders only, so that over several days each may have sent more than is said.
    least = "at least " if period.days > 1 and payers.total() < count else ""
    rest = " and others" if sum(n for _, n in most) < count else ""
    plural = "" if count == 1 else "s"
    by = f" ({least}{shown}{rest})" if shown else ""
    yield f"Not counted: {count} transfer{plural} to the operator without a payment proxy's word{by}."


def _settlements(count: int) -> str:
    return f"{count} settlement{'' if count == 1 else 's'}"


def _refs(asked: _Asked, period: Period) -> tuple[Ref, ...]:
    mine = (event_refs.c.catalogue == asked.key, event_refs.c.day.between(period.first, period.last))
    chosen = (
        sa.select(refs.c.url, refs.c.at, refs.c.sha256).join(event_refs, event_refs.c.ref == refs.c.id).where(*mine)
    )
    return tuple(Ref(*row) for row in asked.connection.execute(chosen.distinct().order_by(refs.c.at, refs.c.url)))


def event_days(store: Store, catalogue: Catalogue) -> tuple[date, ...]:
    """The days of which nothing is missing, oldest first."""
    with store.reading() as connection:
        chosen = (
            sa.select(windows.c.begins, windows.c.ends)
            .join(catalogues, catalogues.c.id == windows.c.catalogue)
            .where(catalogues.c.network == catalogue.network, catalogues.c.name == catalogue.key)
        )
        found: set[date] = set()
        for row in connection.execute(chosen):
            day = row.begins.date() if row.begins == instant(row.begins.date()) else row.begins.date() + ONE
            while instant(day + timedelta(days=1)) <= row.ends:
                found.add(day)
                day += ONE
        return tuple(sorted(found))
