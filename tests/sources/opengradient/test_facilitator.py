"""The facilitator's reports, and their pitfalls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from bot.records import SourceError, Unknown
from bot.sources.opengradient.facilitator import DailyReport, FacilitatorUsage, fetch_signers, fetch_usage
from tests.patience import make_client
from tests.peers.served import Handler, Server, serving

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
TODAY = NOW.date()


def row(day: date, requests: object = 100, **changed: object) -> dict[str, object]:
    usual = {"costOpg": "5.5", "costUsd": 0.8, "inputTokens": 9000, "outputTokens": 1500, "totalTokens": 10500}
    return {"day": day.isoformat(), "requestCount": requests, **usual, **changed}


def report(*rows: dict[str, object], **changed: object) -> dict[str, object]:
    totals = {"totalRequests": 12345, "totalCostOpg": "678.90123", "totalCostUsd": 101.23, "totalTokens": 1_200_000}
    return {**totals, "daily": list(rows), **changed}


@contextmanager
def facilitator(body: object, status: int = 200, kind: str = "application/json") -> Iterator[Server]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def handler(server: Server) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=content, status=status, content_type=kind)

        return answer

    with serving(handler) as server:
        yield server


def asked(body: object, now: datetime = NOW, **how: object) -> FacilitatorUsage:
    with facilitator(body, **how) as server, make_client() as client:  # type: ignore[arg-type]
        return fetch_usage(client, server.url + "/", now)


def on(day: date, *rows: dict[str, object]) -> DailyReport:
    return asked(report(*rows)).days[day]


def test_a_day_that_is_over_is_reported_as_it_stands() -> None:
    facilitator_usage = asked(report(row(TODAY - timedelta(days=1)), row(TODAY)))
    assert facilitator_usage.days[TODAY - timedelta(days=1)] == DailyReport(100, Decimal("5.5"), 10500)
    assert facilitator_usage.total == DailyReport(12345, Decimal("678.90123"), 1_200_000)
    assert facilitator_usage.ref.at == NOW and len(facilitator_usage.ref.sha256) == 64


def test_all_the_days_it_gives_are_asked_for() -> None:
    with facilitator(report()) as server, make_client() as client:
        fetch_usage(client, server.url, NOW)
        assert server.asked == ["/usage?days=90"]


def test_today_is_not_over_and_tomorrow_has_not_begun() -> None:
    for day, reason in ((TODAY, "22 Nov 2026 is not over"), (TODAY + timedelta(days=1), "has not begun")):
        daily_report = on(day, row(day))
        assert isinstance(daily_report.requests, Unknown) and reason in daily_report.requests.reason


def test_a_zero_of_long_ago_was_forgotten_and_a_recent_one_was_counted() -> None:
    recent, old = TODAY - timedelta(days=80), TODAY - timedelta(days=81)
    assert on(recent, row(recent, 0)).requests == 0
    forgotten = on(old, row(old, 0)).requests
    assert isinstance(forgotten, Unknown) and "forgets" in forgotten.reason
    assert on(old, row(old, 3)).requests == 3


def test_a_zero_before_the_counter_began_is_nobodys_count() -> None:
    early = date(2026, 7, 6)
    with facilitator(report(row(early, 0), row(date(2026, 7, 7), 0))) as server, make_client() as client:
        days = fetch_usage(client, server.url, datetime(2026, 7, 20, tzinfo=UTC)).days
    assert isinstance(days[early].requests, Unknown) and "counts since 7 Jul 2026" in days[early].requests.reason
    assert days[date(2026, 7, 7)].requests == 0


def test_days_need_not_add_up_to_the_total() -> None:
    facilitator_usage = asked(report(row(TODAY - timedelta(days=1), 5), totalRequests=3))
    assert facilitator_usage.total.requests == 3


def test_an_older_facilitator_without_token_fields_is_read() -> None:
    day = TODAY - timedelta(days=1)
    old = {key: value for key, value in row(day).items() if "Token" not in key}
    facilitator_usage = asked({key: value for key, value in report(old).items() if "Token" not in key})
    assert facilitator_usage.days[day].requests == 100
    assert isinstance(facilitator_usage.days[day].tokens, Unknown)


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "-1", "1e999", "1e+16", "", "5,5", "0x10", "1" * 60, "٣"])
def test_an_amount_that_is_none_is_unknown_and_spares_the_count(cost: str) -> None:
    day = TODAY - timedelta(days=1)
    daily_report = on(day, row(day, 7, costOpg=cost))
    assert isinstance(daily_report.cost, Unknown)
    assert daily_report.requests == 7


@pytest.mark.parametrize(
    ("cost", "amount"), [("0", "0"), ("1e-7", "1E-7"), ("0.30000000000000004", "0.30000000000000004")]
)
def test_the_text_of_a_float_is_read_exactly(cost: str, amount: str) -> None:
    day = TODAY - timedelta(days=1)
    assert on(day, row(day, costOpg=cost)).cost == Decimal(amount)


@pytest.mark.parametrize("requests", [-1, 10**15 + 1, 2**63, 10**18])
def test_an_implausible_count_is_unknown(requests: int) -> None:
    day = TODAY - timedelta(days=1)
    assert isinstance(on(day, row(day, requests)).requests, Unknown)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "redis is down"},
        report(row(TODAY, "many")),
        report(row(TODAY, 1.5)),
        report(row(TODAY, None)),
        report({**row(TODAY), "day": "yesterday"}),
        report({**row(TODAY), "day": "2026-02-31"}),
        report(daily=None),
        report(totalRequests=float("nan")),
        report(totalCostOpg=float("inf")),
        b'{"totalRequests": ' + b"9" * 10_000 + b', "totalCostOpg": "0", "daily": []}',
        b"",
        b"<html></html>",
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b" " * (2**20 + 1),
    ],
)
def test_an_answer_that_is_no_report_is_an_error_of_one_line(body: object) -> None:
    with pytest.raises(SourceError) as error:
        asked(body)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_one_day_given_twice_is_refused() -> None:
    with pytest.raises(SourceError, match="one day twice"):
        asked(report(row(TODAY), row(TODAY)))


@pytest.mark.parametrize(("status", "kind"), [(500, "application/json"), (429, "application/json"), (200, "text/html")])
def test_an_error_or_a_web_page_is_named(status: int, kind: str) -> None:
    with pytest.raises(SourceError, match="a web page" if kind == "text/html" else f"HTTP {status}"):
        asked(report(), status=status, kind=kind)


def test_signers_on_evm_chains_are_read_in_lower_case() -> None:
    kinds = {"eip155:*": ["0x" + "Ab" * 20, "0x..."], "eip155:8453": ["0x" + "cd" * 20], "solana:x": ["0x" + "ef" * 20]}
    with facilitator({"status": "ok", "signers": kinds}) as server, make_client() as client:
        assert fetch_signers(client, server.url) == {"0x" + "ab" * 20, "0x" + "cd" * 20}
    for body in ({}, {"signers": []}, {"signers": {"eip155:*": [1]}}, b"ok"):
        with (
            facilitator(body) as server,
            make_client() as client,
            pytest.raises(SourceError, match="no list of signers"),
        ):
            fetch_signers(client, server.url)
