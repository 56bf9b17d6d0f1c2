"""Invented days of OpenGradient, written into a ledger as its source writes them: many days in a second, without a
node. The figures are invented; what the real parts do with logs, blobs and keys is tested in `tests/sources`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from bot import ledger, pipeline, store
from bot.records import (
    CompleteWindow,
    Document,
    EventBatch,
    Gauge,
    Listing,
    Payment,
    Period,
    SafeName,
    Settlement,
    SettlementVerdict,
    Snapshot,
    SourceRef,
    Unknown,
    Use,
    message,
    start_of_day,
)
from bot.sources import opengradient
from bot.sources.opengradient.walrus import BlobMissing

ONE = timedelta(days=1)
LAST = date(2026, 10, 28)
"""The day that every post is about."""
RELAY, SENDER, OTHER = "0x" + "f1" * 20, "0x" + "5e" * 20, "0x" + "0a" * 20
BLOB = "Q" * 43
BATCHES = 50
LOST = BlobMissing(f"blob {BLOB}: 127.0.0.1:9: no answer (ConnectError)", retry=True, final=False).public_reason
PLAN = pipeline.NetworkPlan(
    "opengradient",
    "OpenGradient",
    opengradient.CATALOGUES,
    {"catalogue": "llm", "figure": "uses_verified"},
    (),
    opengradient.PANELS,
)


@dataclass(frozen=True, slots=True)
class Day:
    """What one day held and what of it could be read."""

    answers: int
    reported: int | None
    """The operator's count; `None`: its facilitator did not answer."""
    listed: int | None = 912
    """Hub models; `None`: the Hub did not answer."""
    hub_uses: Mapping[str, int] | None = field(
        default_factory=lambda: {"ann/vision": 31, "bob/risk": 4, "eve/rates": 1}
    )
    """Uses of Hub models; `None`: their chain did not answer."""
    chain: bool = True
    """Whether the settlement chain answered."""
    pinned: bool = True
    """Whether senders are pinned."""
    lost: int = 0
    """Batches, of all, whose blob cannot be read."""
    expired: bool = False
    """Whether the lost blobs are given up."""
    elsewhere: int = 0
    """Settlements of a contract that is not pinned."""
    unsigned: int = 0
    """Answers, of all, without a signature that can be checked."""


ANSWERS = (2302, 2410, 2431, 2188, 1904, 1877, 2350)
"""Answers of a usual week, from Thursday on."""


def usual_day(day: date) -> Day:
    """A day on which all is well."""
    week, weekday = divmod((LAST - day).days, 7)
    answers = ANSWERS[weekday] - 17 * week
    return Day(answers, answers + 288 + 3 * weekday)


def list_llms(opened: store.Store, until: date, days: int = 8) -> None:
    """Store the list of LLMs as of the end of so many days."""
    for listing in opengradient.static_listings(opengradient.Settings(), until, days):
        ledger.add_snapshot(opened, listing)


def add_days(opened: store.Store, days: Mapping[date, Day]) -> None:
    """Store these days in a ledger."""
    list_llms(opened, max(days), len(days))
    for day, content in days.items():
        add_day(opened, day, content)


def last_digest(opened: store.Store) -> Document:
    """The digest of the last day, composed on the morning after."""
    return pipeline.build_digest(opened, PLAN, Period(LAST, LAST), morning_after(LAST))


def usual_days(count: int, **last: object) -> dict[date, Day]:
    """So many days up to `LAST`; `last` is what is different on that day."""
    days = {LAST - n * ONE: usual_day(LAST - n * ONE) for n in range(count - 1, -1, -1)}
    # The Hub's long list is written for the last two days only.
    days = {day: content if (LAST - day).days < 2 else replace(content, listed=None) for day, content in days.items()}
    return days | {LAST: replace(days[LAST], **last)}  # type: ignore[arg-type]


def morning_after(day: date) -> datetime:
    return start_of_day(day + ONE) + timedelta(hours=2, minutes=30)


def add_day(opened: store.Store, day: date, content: Day) -> None:
    """Store one day."""
    at = morning_after(day)
    if content.listed is not None:
        ledger.add_snapshot(opened, _hub_list(day, content.listed))
    for batch in _batches(day, content, at):
        ledger.add_event_batch(opened, batch)


def _hub_list(day: date, listed: int) -> Snapshot:
    names = ["ann/vision", "bob/risk", "eve/rates", *(f"author{n % 97}/model{n}" for n in range(listed - 3))]
    listings = tuple(Listing(SafeName(name), SafeName(name.partition("/")[0])) for name in names)
    ref = SourceRef("https://hub.example/api/v0/models/", morning_after(day))
    return Snapshot("opengradient", "hub", morning_after(day), ref, listings, closes=day)


def _batches(day: date, content: Day, at: datetime) -> Iterator[EventBatch]:
    window = CompleteWindow(start_of_day(day), start_of_day(day + ONE))
    block = (day - date(2026, 1, 1)).days * 10_000
    if content.chain:
        settled = _settlements(day, content, block)
        yield EventBatch(
            "opengradient", "llm", "blocks", (), (day,), window, settlements=tuple(each for each, _ in settled)
        )
        yield EventBatch("opengradient", "llm", "verdicts", judgements=tuple(each for _, each in settled))
        strangers = {OTHER: content.elsewhere} if content.elsewhere else {}
        seen = Gauge("strangers_seen", day, at, content.elsewhere)
        yield EventBatch("opengradient", "llm", "emitters", (), (day,), strangers=strangers, gauges=(seen,))
    if content.hub_uses is not None:
        yield EventBatch("opengradient", "hub", "blocks", (), (day,), window, uses=_hub_uses(day, content, block))
    paid = tuple(
        Payment(f"0x{day:%Y%m%d}{n:04}:1", block + n, _at(day, n), f"0x{n % 40:040x}", 10**17, session=True)
        for n in range(6)
    )
    yield EventBatch("opengradient", "payments", "blocks", (), (day,), window, payments=paid)
    if content.reported is not None:
        gauges = (Gauge("requests_reported", day, at, content.reported),)
        for catalogue in ("llm", "payments"):
            yield EventBatch("opengradient", catalogue, "count", days=(day,), gauges=gauges)


def _settlements(day: date, content: Day, block: int) -> Sequence[tuple[Settlement, SettlementVerdict]]:
    found = []
    for n in range(BATCHES if content.answers else 0):
        size = content.answers // BATCHES + (n < content.answers % BATCHES)
        unsigned = content.unsigned // BATCHES + (n < content.unsigned % BATCHES)
        place = f"0x{day:%Y%m%d}{n:04}:0"
        settlement = Settlement(place, block + n, _at(day, n), RELAY, size, BLOB, "22" * 32)
        claimed = size if content.pinned else Unknown(message("no_signers_pinned"))
        verdict = SettlementVerdict(place, "verdict", claimed, size, size - unsigned, SENDER)
        if unsigned:
            verdict = replace(verdict, standings={"bad signature": unsigned})
        if n < content.lost:
            gone = message("blob_expired", n=141) if content.expired else LOST
            count = 0 if content.expired else Unknown(gone)
            state = "expired" if content.expired else "pending"
            verdict = SettlementVerdict(place, state, claimed, count, count, SENDER, gone)  # type: ignore[arg-type]
        found.append((settlement, verdict))
    return found


def _hub_uses(day: date, content: Day, block: int) -> tuple[Use, ...]:
    return tuple(
        Use(f"0x{day:%Y%m%d}{place:02}{n:04}:0", block + n, _at(day, n), 1, SafeName(model), f"0x{n:040x}")
        for place, (model, count) in enumerate((content.hub_uses or {}).items())
        for n in range(count)
    )


def _at(day: date, minute: int) -> datetime:
    return start_of_day(day) + timedelta(hours=9, minutes=minute)
