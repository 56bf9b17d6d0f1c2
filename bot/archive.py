"""What we published: digests with their editions and receipts. An issued digest never changes.

A digest is a draft until its first receipt. Composing a draft's period again replaces the draft; composing an issued
one again makes a new edition, if a figure changed, that lists each change as published and as known now.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa

from bot.digest import figure_differences, keep_exact_counts
from bot.records import Document, FootfallError, Period, PeriodName, Receipt, catalogues_and_panels
from bot.records.messages import collect_messages, restore_messages
from bot.store import Store, advisory_lock, cursors, deliveries, digests, figures, receipts

FEED_IDS = "feed ids"
"""The cursor, of no network, that stores the base of the feeds' ids."""


class ArchiveError(FootfallError):
    """A request for something that the archive does not have."""


@dataclass(frozen=True, slots=True)
class DigestSummary:
    """The latest edition of a digest in the archive's list."""

    day: date
    edition: int
    status: str


@dataclass(frozen=True, slots=True)
class DigestCount:
    """The number of digests of one kind; every edition counts."""

    network: str
    period: PeriodName
    status: str
    digests: int
    newest: date
    """The first day of the latest period among them."""


def newest_periods(counts: Iterable[DigestCount]) -> dict[tuple[str, PeriodName], Period]:
    """The latest period of each network and kind that has a digest."""
    newest: dict[tuple[str, PeriodName], Period] = {}
    for count in counts:
        key, period = (count.network, count.period), Period.for_day(count.newest, count.period)
        newest[key] = max(newest.get(key, period), period)
    return newest


@dataclass(frozen=True, slots=True)
class IssuedEdition:
    """An edition that was published, so that it never changes."""

    network: str
    period: PeriodName
    day: date
    edition: int
    is_newest: bool
    """Whether no later edition was published."""


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """A figure from one digest."""

    day: date
    value: float | int | None
    unknown: str | None
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """The latest edition of a digest as it is stored."""

    period: PeriodName
    day: date
    text: str
    """The document, as JSON."""
    receipts: tuple[str, ...]
    """Everything about each receipt."""


class Archive:
    """The digests of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save_digest(self, document: Document) -> Document:
        """Store a new digest and return it as stored, with its edition and status."""
        with self._store.write_transaction() as connection:
            key = _period_key(document)
            advisory_lock(connection, "digest", *key)
            latest = connection.execute(_newest_first(*key)).first()
            if latest is None:
                return _insert_digest(connection, document, 1, [])
            document = keep_exact_counts(restore_messages(json.loads(latest.document)), document)
            if latest.status == "draft" and not _under_way(connection, latest):
                connection.execute(figures.delete().where(figures.c.digest == latest.id))
                connection.execute(digests.delete().where(digests.c.id == latest.id))
                latest = connection.execute(_newest_first(*key)).first()
                if latest is None:
                    return _insert_digest(connection, document, 1, [])
            published = restore_messages(json.loads(latest.document))
            changes = figure_differences(published, document)
            if not changes:
                return published
            return _insert_digest(connection, document, latest.edition + 1, changes)

    def add_receipt(self, document: Document, receipt: Receipt) -> None:
        """Store the proof that a digest was published; from then on it is issued. Adding it twice stores one."""
        with self._store.write_transaction() as connection:
            add_receipt(connection, *_period_key(document), document["edition"], receipt)

    def find_digest(self, network: str, period: PeriodName, day: date, edition: int | None = None) -> Document | None:
        """One digest, its latest edition by default. `day` is the period's first."""
        chosen = _newest_first(network, period, day, edition)
        with self._store.read_transaction() as connection:
            row = connection.execute(chosen).first()
        return restore_messages(json.loads(row.document)) if row else None

    def newest_digest(self, network: str, period: PeriodName = "day") -> Document | None:
        kind = (digests.c.network == network, digests.c.period == period)
        latest = sa.select(digests.c.document).where(*kind).order_by(digests.c.day.desc(), digests.c.edition.desc())
        with self._store.read_transaction() as connection:
            kept = connection.scalar(latest.limit(1))
        return restore_messages(json.loads(kept)) if kept else None

    def list_digests(self, network: str, period: PeriodName = "day") -> tuple[DigestSummary, ...]:
        """Every period with a digest, oldest first."""
        chosen = sa.select(digests.c.day, digests.c.edition, digests.c.status)
        chosen = chosen.where(digests.c.network == network, digests.c.period == period)
        with self._store.read_transaction() as connection:
            rows = connection.execute(chosen.order_by(digests.c.day, digests.c.edition)).all()
        # Hundreds of rows per answer, so they are unpacked by position.
        return tuple({day: DigestSummary(day, edition, status) for day, edition, status in rows}.values())

    def digests_since(self, network: str, day: date) -> Iterator[Document]:
        """The latest edition of each digest whose period begins on or after a day. Their texts are plain English."""
        begins = (digests.c.network == network, digests.c.day >= day)
        newest = (digests.c.period, digests.c.day, digests.c.edition.desc())
        chosen = sa.select(digests.c.period, digests.c.day, digests.c.document).where(*begins).order_by(*newest)
        with self._store.read_transaction() as connection:
            for _, editions in groupby(connection.execute(chosen), key=lambda row: (row.period, row.day)):
                yield msgspec.json.decode(next(editions).document)

    def stored_digests(self, network: str) -> Iterator[StoredDigest]:
        """Every digest of a network, by period name and day."""
        columns = (digests.c.id, digests.c.period, digests.c.day, digests.c.document)
        newest = (digests.c.period, digests.c.day, digests.c.edition.desc())
        chosen = sa.select(*columns).where(digests.c.network == network).order_by(*newest)
        order = (receipts.c.at, receipts.c.outlet, receipts.c.destination, receipts.c.part)
        given = sa.select(receipts).join(digests, digests.c.id == receipts.c.digest).where(digests.c.network == network)
        with self._store.read_transaction() as connection:
            receipts_of: dict[int, list[str]] = defaultdict(list)
            for receipt in connection.execute(given.order_by(*order)):
                receipts_of[receipt.digest].append(repr(tuple(receipt)))
            last = None
            for number, period, day, text in connection.execute(chosen):
                if (period, day) != last:
                    yield StoredDigest(period, day, text, tuple(receipts_of[number]))
                last = (period, day)

    def revisions(self, network: str, most: int) -> tuple[Document, ...]:
        """The editions after a first one, the newest first; at most so many."""
        chosen = sa.select(digests.c.document).where(digests.c.network == network, digests.c.edition > 1)
        chosen = chosen.order_by(digests.c.composed_at.desc(), digests.c.id.desc()).limit(most)
        with self._store.read_transaction() as connection:
            return tuple(restore_messages(json.loads(kept)) for kept in connection.scalars(chosen))

    def data_version(self) -> tuple[int, int, datetime | None, int]:
        """Changes whenever a digest is stored or issued; cheap enough to read with every query."""
        newest = sa.func.max(digests.c.composed_at, type_=digests.c.composed_at.type)
        issued = sa.select(sa.func.count()).select_from(receipts).scalar_subquery()
        chosen = sa.select(sa.func.count(), sa.func.max(digests.c.id), newest, issued)
        with self._store.read_transaction() as connection:
            count, last, at, sent = connection.execute(chosen).one()
        return int(count), int(last or 0), at, int(sent)

    def digest_counts(self) -> tuple[DigestCount, ...]:
        """The number of digests of each network, period and status, in one query."""
        kind = (digests.c.network, digests.c.period, digests.c.status)
        chosen = sa.select(*kind, sa.func.count().label("editions"), sa.func.max(digests.c.day).label("newest"))
        with self._store.read_transaction() as connection:
            rows = connection.execute(chosen.group_by(*kind).order_by(*kind)).all()
        return tuple(DigestCount(row.network, row.period, row.status, row.editions, row.newest) for row in rows)

    def issued_editions(self, network: str) -> tuple[IssuedEdition, ...]:
        """Every published edition of a network's digests, by period, day and edition."""
        place = (digests.c.period, digests.c.day, digests.c.edition)
        chosen = sa.select(*place).where(digests.c.network == network, digests.c.status == "issued").order_by(*place)
        with self._store.read_transaction() as connection:
            rows = connection.execute(chosen).all()
        newest = {(period, day): edition for period, day, edition in rows}
        return tuple(
            IssuedEdition(network, period, day, edition, newest[period, day] == edition)
            for period, day, edition in rows
        )

    def last_sent(self) -> dict[str, datetime]:
        """The time of each outlet's newest receipt."""
        chosen = sa.select(receipts.c.outlet, sa.func.max(receipts.c.at, type_=receipts.c.at.type).label("at"))
        with self._store.read_transaction() as connection:
            return {row.outlet: row.at for row in connection.execute(chosen.group_by(receipts.c.outlet))}

    def figure_trend(
        self,
        network: str,
        catalogue: str,
        key: str,
        last: int | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> tuple[PublishedFigure, ...]:
        """One figure over the latest `last` days (all of them by default) from `since` to `until`, oldest first."""
        chosen = (
            sa.select(digests.c.day, figures.c.value, figures.c.unknown, figures.c.at_least)
            .join(figures, figures.c.digest == digests.c.id)
            .where(digests.c.network == network, digests.c.period == "day")
            .where(figures.c.catalogue == catalogue, figures.c.key == key)
            .where(*([digests.c.day >= since] if since else []), *([digests.c.day <= until] if until else []))
            .order_by(digests.c.day, digests.c.edition)
        )
        with self._store.read_transaction() as connection:
            rows = connection.execute(chosen).all()
        newest = {
            day: PublishedFigure(day, json.loads(v) if v else None, unknown, least) for day, v, unknown, least in rows
        }
        return tuple(newest.values())[-last if last else None :]

    def receipt_count(self) -> int:
        """The number of receipts in this database."""
        with self._store.read_transaction() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(receipts)) or 0

    def feed_space(self, url: str) -> str:
        """The base of the feeds' ids: stored with the first feed and constant, wherever the site moves. An archive with
        older feeds keeps the site's URL of that time."""
        mine = (cursors.c.network == "", cursors.c.name == FEED_IDS)
        chosen = sa.select(cursors.c.text).where(*mine)
        with self._store.read_transaction() as connection:
            if kept_before := connection.scalar(chosen):
                return str(kept_before)
        with self._store.write_transaction() as connection:
            advisory_lock(connection, FEED_IDS)
            kept: str | None = connection.scalar(chosen)
            space = kept or (uuid.uuid4().urn if kept is None else url.rstrip("/") or "footfall")
            if not kept:
                connection.execute(cursors.delete().where(*mine))
                connection.execute(cursors.insert().values(network="", name=FEED_IDS, text=space))
        return space

    def digest_receipts(
        self, network: str, period: PeriodName, day: date, edition: int | None = None
    ) -> tuple[Receipt, ...]:
        """The receipts of a digest, of its latest edition by default."""
        chosen = _newest_first(network, period, day, edition)
        with self._store.read_transaction() as connection:
            row = connection.execute(chosen).first()
            given = sa.select(receipts).order_by(receipts.c.at, receipts.c.part)
            rows = connection.execute(given.where(receipts.c.digest == row.id)).all() if row else []
        return tuple(Receipt(r.outlet, r.destination, r.part, r.platform_id, r.url, r.at) for r in rows)


def add_receipt(
    connection: sa.Connection, network: str, period: PeriodName, day: date, edition: int, receipt: Receipt
) -> None:
    """`Archive.add_receipt` in the caller's transaction."""
    advisory_lock(connection, "digest", network, period, day)
    same = (digests.c.network == network, digests.c.period == period, digests.c.day == day)
    kept = sa.select(digests.c.id, digests.c.status).where(*same, digests.c.edition == edition)
    row = connection.execute(kept).first()
    if row is None:
        raise ArchiveError(f"{network} {day}: no such edition to add a receipt to: {edition}")
    place = (receipts.c.outlet == receipt.outlet, receipts.c.destination == receipt.destination)
    known = sa.select(receipts.c.part).where(receipts.c.digest == row.id, *place, receipts.c.part == receipt.part)
    if connection.execute(known).first() is not None:
        return
    connection.execute(receipts.insert().values(digest=row.id, **asdict(receipt)))
    if row.status != "issued":
        document = connection.execute(sa.select(digests.c.document).where(digests.c.id == row.id)).scalar_one()
        issued = json.dumps({**json.loads(document), "status": "issued"}, ensure_ascii=False)
        change = digests.update().where(digests.c.id == row.id)
        connection.execute(change.values(status="issued", document=issued))


def _under_way(connection: sa.Connection, row: Any) -> bool:
    """Whether an edition without a receipt may be out or under way, so that its text must not change."""
    same = [deliveries.c[name] == getattr(row, name) for name in ("network", "period", "day", "edition")]
    possible = sa.select(deliveries.c.id).where(*same, deliveries.c.state.in_(("sending", "sent", "unknown")))
    return connection.execute(possible.limit(1)).first() is not None


def _period_key(document: Document) -> tuple[str, PeriodName, date]:
    return document["network"], document["period"], date.fromisoformat(document["day"])


def _newest_first(network: str, period: PeriodName, day: date, edition: int | None = None) -> sa.Select[Any]:
    """A period's latest edition, or a given one."""
    same = (digests.c.network == network, digests.c.period == period, digests.c.day == day)
    named = () if edition is None else (digests.c.edition == edition,)
    return sa.select(digests).where(*same, *named).order_by(digests.c.edition.desc()).limit(1)


def _insert_digest(connection: sa.Connection, document: Document, edition: int, changes: list[Document]) -> Document:
    kept: Document = {**document, "edition": edition, "status": "draft", "changes": changes}
    kept["reasons"] = collect_messages(kept)
    network, period, day = _period_key(document)
    row = {"network": network, "period": period, "day": day, "edition": edition, "status": "draft"}
    row |= {"composed_at": datetime.fromisoformat(document["composed_at"])}
    row |= {"document": json.dumps(kept, ensure_ascii=False)}
    digest = connection.execute(digests.insert().values(row).returning(digests.c.id)).scalar_one()
    rows = [
        {
            "digest": digest,
            "catalogue": block["catalogue"],
            "key": key,
            "value": None if figure["value"] is None else json.dumps(figure["value"]),
            "unknown": figure.get("unknown"),
            "at_least": figure.get("at_least", False),
        }
        for block in catalogues_and_panels(kept)
        for key, figure in block["figures"].items()
    ]
    if rows:
        connection.execute(figures.insert(), rows)
    return kept
