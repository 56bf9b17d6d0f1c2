"""The JSON API: one address a question, with the very documents that the command line prints with --json."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import cast

from aiohttp import web

from bot import queries
from bot.queries import QueryContext, QueryError
from bot.records import PeriodName, SafeName
from bot.web import etags
from bot.web.db_thread_pool import DbThreadPool
from bot.web.middleware import Handler

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,6}")
PERIODS = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class RequestParams:
    """What an address says: parts of its path, and its query."""

    path: dict[str, str]
    query: dict[str, str]

    def __getitem__(self, key: str) -> str:
        """What must be given. Raises `QueryError` where it is not."""
        found = self.path.get(key) or self.query.get(key)
        if not found:
            raise QueryError(f"{key}: not given, and nothing can be answered without it")
        return found

    @property
    def network(self) -> str | None:
        return self.path.get("network") or self.query.get("network") or None

    @property
    def day(self) -> date | None:
        found = self.query.get("day")
        if not found:
            return None
        try:
            if _DAY.fullmatch(found):
                return date.fromisoformat(found)
        except ValueError:
            pass
        raise QueryError(f"day: found {SafeName(found)!s:.40}, wanted a UTC day as YYYY-MM-DD")

    @property
    def period(self) -> PeriodName:
        found = self.query.get("period") or "day"
        if found not in PERIODS:
            raise QueryError(f"period: found {SafeName(found)!s:.40}, wanted one of {', '.join(PERIODS)}")
        return cast(PeriodName, found)

    def day_count(self, otherwise: int) -> int:
        found = self._parse_number("days")
        return otherwise if found is None else found

    @property
    def page(self) -> int:
        found = self._parse_number("page")
        return 1 if found is None else found

    @property
    def edition(self) -> int | None:
        return self._parse_number("edition")

    def _parse_number(self, key: str) -> int | None:
        found = self.query.get(key)
        if not found:
            return None
        if not _NUMBER.fullmatch(found):
            raise QueryError(f"{key}: found {SafeName(found)!s:.40}, wanted a whole number")
        return int(found)


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """One address and how it is answered."""

    path: str
    takes: tuple[str, ...]
    """What its query may hold."""
    asks: Callable[..., object]
    """Whose docstring says what it does."""
    answer: Callable[[QueryContext, RequestParams], object]

    @property
    def summary_line(self) -> str:
        return (inspect.getdoc(self.asks) or "").splitlines()[0]

    @property
    def display_path(self) -> str:
        """The address as the index lists it."""
        path = self.path.replace(":(?s:.+)", "")
        return f"{path}?{'&'.join(f'{name}=' for name in self.takes)}" if self.takes else path


WHEN = ("network", "period", "day")

QUESTIONS = (
    ApiEndpoint("/api/usage", WHEN, queries.usage, lambda d, q: queries.usage(d, q.network, q.period, q.day)),
    ApiEndpoint(
        "/api/inventory", ("network", "day"), queries.inventory, lambda d, q: queries.inventory(d, q.network, q.day)
    ),
    ApiEndpoint(
        "/api/model/{name:(?s:.+)}",
        ("network", "day"),
        queries.model,
        lambda d, q: queries.model(d, q["name"], q.network, q.day),
    ),
    ApiEndpoint(
        "/api/top",
        ("by", *WHEN),
        queries.top,
        lambda d, q: queries.top(d, q.network, q.query.get("by") or "uses", q.period, q.day),
    ),
    ApiEndpoint(
        "/api/idle",
        ("days", "network", "day", "page"),
        queries.idle,
        lambda d, q: queries.idle(d, q.network, q.day_count(7), q.day, q.page),
    ),
    ApiEndpoint(
        "/api/trend/{metric}",
        ("days", "network"),
        queries.trend,
        lambda d, q: queries.trend(d, q["metric"], q.network, q.day_count(30)),
    ),
    ApiEndpoint(
        "/api/compare",
        ("a", "b", "network"),
        queries.compare,
        lambda d, q: queries.compare(d, q["a"], q["b"], q.network),
    ),
    ApiEndpoint("/api/why", ("network", "day"), queries.why, lambda d, q: queries.why(d, q.network, q.day)),
    ApiEndpoint("/api/method/{metric}", (), queries.method, lambda d, q: queries.method(d, q["metric"])),
    ApiEndpoint("/api/status", (), queries.status, lambda d, q: queries.status(d)),
    ApiEndpoint("/api/about", (), queries.about, lambda d, q: queries.about(d)),
    ApiEndpoint(
        "/api/digest",
        (*WHEN, "edition"),
        queries.digest,
        lambda d, q: queries.digest(d, q.network, q.period, q.day, q.edition),
    ),
    ApiEndpoint("/api/networks", (), queries.known_networks, lambda d, q: queries.known_networks(d)),
    ApiEndpoint("/api/metrics", (), queries.metric_definitions, lambda d, q: queries.metric_definitions()),
    ApiEndpoint(
        "/api/{network}/digests",
        ("period",),
        queries.kept_digests,
        lambda d, q: queries.kept_digests(d, q.network, q.period),
    ),
)


def add_routes(app: web.Application, desk: QueryContext, threads: DbThreadPool) -> None:
    """Add every question and the list of them. What else begins with /api is not there."""
    for question in QUESTIONS:
        app.router.add_get(question.path, _query_handler(question, desk, threads))
    for path in ("/api", "/api/"):
        app.router.add_get(path, _list_endpoints)
    app.router.add_get("/api/{rest:(?s:.*)}", _not_found)


def _query_handler(question: ApiEndpoint, desk: QueryContext, threads: DbThreadPool) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        asked = RequestParams(dict(request.match_info), _query_params(request, question))
        return _json_response(request, await threads.run(lambda: question.answer(desk, asked)))

    return answer


def _query_params(request: web.Request, question: ApiEndpoint) -> dict[str, str]:
    for name in request.query:
        if name not in question.takes:
            wanted = ", ".join(question.takes) or "none"
            raise QueryError(f"{SafeName(name)!s:.40}: is not asked here; known: {wanted}")
        if len(request.query.getall(name)) > 1:
            raise QueryError(f"{name}: was given more than once")
    return dict(request.query)


async def _list_endpoints(request: web.Request) -> web.StreamResponse:
    listed = [{"path": question.display_path, "answers": question.summary_line} for question in QUESTIONS]
    return _json_response(request, {"title": "Footfall", "questions": listed})


async def _not_found(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def _json_response(request: web.Request, document: object) -> web.Response:
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    mark = etags.content_tag(body)
    headers = {"Cache-Control": etags.FRESH, "Vary": "Accept-Encoding", "ETag": etags.etag_header(mark)}
    if etags.etag_matches(request, mark):
        return web.Response(status=304, headers=headers)
    response = web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)
    response.enable_compression()
    return response
