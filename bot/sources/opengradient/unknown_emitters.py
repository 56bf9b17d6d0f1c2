"""Finds unrecognised emitters of OpenGradient's settlement events: a scan by topic, day by day. Its results raise an
alert and are never added to a figure.

Every day since the first scan is scanned once, also without a collection on that day; a day that was not scanned has no
gauge, and its digest says so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from bot.chain import ChainReader, Cursor, Filter
from bot.records import EventBatch, Gauge, Period, each_day, short_date, start_of_day
from bot.sources import ALWAYS, SourceStateReader
from bot.sources.opengradient.log_collection import LATE
from bot.sources.opengradient.log_decoding import SETTLES

EMITTERS = 50
"""Most unrecognised emitters stored per day; the sender of logs chooses how many there are."""
BACK = 30
"""Days before today that are scanned automatically; older ones need `collect --since`."""
CURSOR = "emitters"
ONE = timedelta(days=1)


def emitter_batches(
    chain: ChainReader, relays: Sequence[str], memory: SourceStateReader, now: datetime, wanted: Period | None
) -> Iterator[EventBatch]:
    """The days without a scan, including those `wanted`, oldest first. Raises `SourceError`; batches that were yielded
    before stay valid."""
    kept = memory.cursor(CURSOR)
    scanned = {date.fromisoformat(day) for day in json.loads(kept)} if kept else set()
    for day in _due_days(scanned, now.date(), wanted):
        scanned.add(day)
        yield _scan_day(chain, relays, day, now, json.dumps([one.isoformat() for one in sorted(scanned)]))


def _due_days(scanned: set[date], today: date, wanted: Period | None) -> list[date]:
    oldest, yesterday = today - BACK * ONE, today - ONE
    due = set(each_day(max(oldest, min(scanned, default=today - LATE * ONE)), yesterday))
    if wanted is not None:
        due |= set(each_day(wanted.first if wanted.first > ALWAYS else oldest, min(wanted.last, yesterday)))
    return sorted(due - scanned)


def _scan_day(chain: ChainReader, relays: Sequence[str], day: date, now: datetime, cursor: str) -> EventBatch:
    first, after = (chain.first_block(int(start_of_day(one).timestamp())) for one in (day, day + ONE))
    counts: Counter[str] = Counter()
    wanted = Filter(topics=SETTLES)
    digests = []
    if after > first:
        for chunk in chain.read_logs(wanted, Cursor(chain.pin.chain_id, chain.pin.genesis, first), after - 1):
            digests.append(chunk.sha256)
            counts.update(log.address for log in chunk.logs if log.address not in relays)
            if len(counts) > 100 * EMITTERS:
                counts = Counter(dict(counts.most_common(EMITTERS)))
    most = dict(counts.most_common(EMITTERS))
    named = ", ".join(sorted(most)[:3])
    return EventBatch(
        "opengradient",
        "llm",
        f"the emitters of {short_date(day)} on chain {chain.pin.chain_id}",
        days=(day,),
        cursors={CURSOR: cursor},
        strangers=most,
        gauges=(Gauge("strangers_seen", day, now, sum(counts.values())),),
        alarm=f"{sum(counts.values())} settlement events of unrecognised emitters on {day}: {named}" if most else "",
    )
