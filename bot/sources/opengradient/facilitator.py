"""What OpenGradient's facilitator reports about itself: requests and cost by day, and the address it settles from.

All of it is reported, never verified: `POST /settle` accepts any request count with any payment that settles.
Sources: inference-facilitator `all_networks.ts` and `all_networks_usage.ts`, HEAD f7a0cfc, 16 Jul 2026.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import httpx
import msgspec

from bot.clients.http import HttpFailure, get_bounded
from bot.records import MAX_COUNT, SafeName, SourceError, SourceRef, Unknown, message

MAX_BYTES = 2**20
SECONDS = 15.0
DAYS = 90
"""The most days that `GET /usage` returns."""
COUNTING_SINCE = date(2026, 7, 7)
"""The counter's first commit; a zero on an earlier day means that nothing was counted."""
SURE_FOR = timedelta(days=80)
"""A day's counter is dropped 90 days after its last write and then reads 0; this leaves a margin."""


@dataclass(frozen=True, slots=True)
class DailyReport:
    """One UTC day on which payments settled, as the facilitator reports it."""

    requests: int | Unknown
    cost: Decimal | Unknown
    """In OPG; the facilitator adds it up in floating point."""
    tokens: int | Unknown


@dataclass(frozen=True, slots=True)
class FacilitatorUsage:
    """A response of `GET /usage`. The days do not add up to the total, which covers a longer time."""

    ref: SourceRef
    total: DailyReport
    days: Mapping[date, DailyReport]
    content: bytes = b""
    """As it was sent."""


class _Counts(msgspec.Struct):
    costOpg: str
    totalTokens: int | None = None


class _Day(_Counts, kw_only=True):
    day: str
    requestCount: int


class _Usage(msgspec.Struct):
    totalRequests: int
    totalCostOpg: str
    daily: list[_Day]
    totalTokens: int | None = None


class _Health(msgspec.Struct):
    signers: dict[str, list[str]]


def fetch_usage(client: httpx.Client, base: str, now: datetime) -> FacilitatorUsage:
    """`GET /usage` for the longest possible time. Raises `SourceError`."""
    url = f"{base.rstrip('/')}/usage?days={DAYS}"
    raw = _fetch_body(client, url)
    try:
        read = msgspec.json.decode(raw, type=_Usage)
        days = {date.fromisoformat(row.day): row for row in read.daily}
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SourceError(f"{url}: found no usage report ({SafeName(str(error), 100)})") from error
    if len(days) != len(read.daily):
        raise SourceError(f"{url}: found one day twice, wanted each day once")
    total = DailyReport(
        _plausible_count(read.totalRequests), _plausible_amount(read.totalCostOpg), _plausible_count(read.totalTokens)
    )
    ref = SourceRef(url, now, hashlib.sha256(raw).hexdigest())
    reports = {day: _daily_report(day, row, now.date()) for day, row in sorted(days.items())}
    return FacilitatorUsage(ref, total, reports, raw)


def fetch_signers(client: httpx.Client, base: str) -> frozenset[str]:
    """The addresses from which the facilitator settles on EVM chains, lower-case. Raises `SourceError`."""
    url = f"{base.rstrip('/')}/health"
    try:
        read = msgspec.json.decode(_fetch_body(client, url), type=_Health)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SourceError(f"{url}: found no list of signers ({SafeName(str(error), 100)})") from error
    addresses = {each.lower() for kind, listed in read.signers.items() if kind.startswith("eip155:") for each in listed}
    return frozenset(each for each in addresses if _ADDRESS.fullmatch(each))


_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


def _fetch_body(client: httpx.Client, url: str) -> bytes:
    http_body = get_bounded(client, url, MAX_BYTES, SECONDS)
    if isinstance(http_body, HttpFailure):
        raise SourceError(f"{url}: found {http_body.reason}, wanted JSON; check `facilitator:` or wait")
    return http_body.content


def _daily_report(day: date, row: _Day, today: date) -> DailyReport:
    if reason := _unknown_reason(day, row, today):
        return DailyReport(Unknown(reason), Unknown(reason), Unknown(reason))
    return DailyReport(
        _plausible_count(row.requestCount), _plausible_amount(row.costOpg), _plausible_count(row.totalTokens)
    )


def _unknown_reason(day: date, row: _Day, today: date) -> str:
    """Why a row is not a figure of its day; empty if it is."""
    if day > today:
        return message("facilitator_future_day", day=day)
    if day == today:
        return message("day_not_over", day=day)
    if row.requestCount:
        return ""
    if day < COUNTING_SINCE:
        return message("facilitator_counts_since", day=COUNTING_SINCE)
    if today - day > SURE_FOR:
        return message("facilitator_forgets", n=DAYS)
    return ""


def _plausible_count(value: int | None) -> int | Unknown:
    if value is None:
        return Unknown(message("facilitator_reports_none"))
    if not 0 <= value <= MAX_COUNT:
        return Unknown(message("facilitator_number_implausible"))
    return value


def _plausible_amount(text: str) -> Decimal | Unknown:
    """OPG from the text of a float; no sign, no infinity, no exponent that a float's text cannot have."""
    if not _DECIMAL.fullmatch(text) or (amount := Decimal(text)) > MAX_COUNT:
        return Unknown(message("facilitator_amount_implausible"))
    return amount


_DECIMAL = re.compile(r"[0-9]{1,25}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
