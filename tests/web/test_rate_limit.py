"""How many requests one address may make, and who counts as one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from bot.config import WebConfig
from bot.web import middleware, rate_limit
from bot.web.rate_limit import AddressLimiter, client_address

PROXIES = tuple(map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "fd00::/8")))


def test_an_address_may_ask_in_a_burst_and_then_at_its_rate() -> None:
    limiter = AddressLimiter(rate=2, burst=3)
    assert [limiter.seconds_to_wait("a", 100.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.seconds_to_wait("b", 100.0) == 0, "others are not concerned"
    assert limiter.seconds_to_wait("a", 100.25) == 0.25, "a refused request costs nothing"
    assert limiter.seconds_to_wait("a", 100.5) == 0
    assert limiter.seconds_to_wait("a", 100.5) == 0.5
    assert [limiter.seconds_to_wait("a", 200.0) for _ in range(4)] == [0, 0, 0, 0.5], "it never holds more than a burst"


def test_a_limited_number_of_addresses_is_remembered() -> None:
    limiter = AddressLimiter(rate=1, burst=1, most=100)
    for number in range(10_000):
        assert limiter.seconds_to_wait(str(number), 0.0) == 0
        assert limiter.seconds_to_wait("steady", 0.0) == (1 if number else 0), "whoever goes on asking is not forgotten"
    assert len(limiter) == 100


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.9, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["198.51.100.7, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("::ffff:127.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:aaaa::1", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("", ["198.51.100.7"], ""),
        ("127.0.0.1", [", ".join(["10.0.0.1"] * 5000)], "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_who_asks(peer: str, forwarded: Sequence[str], address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


async def used(_request: web.Request) -> web.Response:
    return web.Response(text="used")


def ask(settings: dict[str, object], visitors: Sequence[dict[str, str]]) -> list[tuple[int, str, str | None]]:
    """The status, text and Retry-After of a request for each visitor, all in the same second."""

    async def all_in_turn() -> list[tuple[int, str, str | None]]:
        limit = rate_limit.limit_requests(WebConfig.model_validate(settings), lambda: 0.0)
        app = web.Application(middlewares=[limit, middleware.handle_errors])
        app.router.add_get("/api/usage", used)
        app.on_response_prepare.append(middleware.add_headers)
        found = []
        async with TestClient(TestServer(app)) as client:
            for headers in visitors:
                async with client.get("/api/usage", headers=headers) as answer:
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    assert answer.headers["Access-Control-Allow-Origin"] == "*"
                    found.append((answer.status, await answer.text(), answer.headers.get("Retry-After")))
        return found

    return asyncio.run(all_in_turn())


WAIT = {"code": "too_many_requests", "message": "too many requests from your address; wait 2 s"}
REFUSED = (429, json.dumps({"schema_version": 1, "error": WAIT}), "2")
USED = (200, "used", None)


def test_an_address_that_asks_too_often_is_told_when_to_come_again() -> None:
    answers = ask({"requests_per_second": 0.5, "burst": 2}, [{}] * 3)
    assert answers == [USED, USED, REFUSED]


def test_visitors_behind_a_trusted_proxy_have_their_own_limits() -> None:
    first, second = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
    answers = ask({"requests_per_second": 0.5, "burst": 1}, [first, second, first])
    assert answers == [USED, USED, REFUSED]


def test_a_proxy_that_is_not_trusted_is_named_in_the_log_once() -> None:
    visitors = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(4)]
    with capture_logs() as logged:
        answers = ask({"requests_per_second": 0.5, "burst": 1, "trusted_proxies": []}, visitors)
    assert answers == [USED, REFUSED, REFUSED, REFUSED]
    assert [(line["log_level"], line["proxy"]) for line in logged] == [("warning", "127.0.0.1")]
    assert "web.trusted_proxies" in logged[0]["event"]
