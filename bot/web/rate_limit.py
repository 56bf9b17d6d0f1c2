"""How many requests one address may make: a token bucket for each address, in memory.

A network of IPv6 (/64) counts as one address, because one machine may use all of it. `X-Forwarded-For` counts only as
far as trusted proxies wrote it.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.config import WebConfig
from bot.web.middleware import Handler, error_response

MOST_ADDRESSES = 20_000
"""Addresses that are remembered; the one that asked least recently is forgotten first."""
FORWARDED = "X-Forwarded-For"
MOST_HOPS = 20

Network = IPv4Network | IPv6Network

log = structlog.get_logger("bot.web")


class AddressLimiter:
    """A bucket of `burst` requests for each address, which refills at `rate` requests a second."""

    def __init__(self, rate: float, burst: int, most: int = MOST_ADDRESSES) -> None:
        self._interval = 1 / rate
        self._slack = (burst - 1) * self._interval
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """By address: when its bucket will be full again."""

    def __len__(self) -> int:
        return len(self._full_at)

    def seconds_to_wait(self, address: str, now: float) -> float:
        """0 if the address may make a request now, which then counts; else the seconds until it may."""
        full_at = max(self._full_at.get(address, now), now)
        wait = max(0.0, full_at - now - self._slack)
        self._full_at[address] = full_at if wait else full_at + self._interval
        self._full_at.move_to_end(address)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return wait


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Who asks: the peer, or the last address in `X-Forwarded-For` that no trusted proxy has."""
    address = _parsed(peer)
    hops = ",".join(forwarded).rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    while address is not None and hops and any(address in network for network in trusted):
        previous = _parsed(hops.pop())
        if previous is None:
            break
        address = previous
    return _bucket(address) if address is not None else ""


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether a peer is one of the proxies."""
    address = _parsed(peer)
    return address is not None and any(address in network for network in trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, which a proxy may have written with a port."""
    text = text.strip()
    text = text.partition(":")[0] if text.count(":") == 1 else text.partition("]")[0].lstrip("[")
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _bucket(address: IPv4Address | IPv6Address) -> str:
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)


def trusted_networks(settings: WebConfig) -> tuple[Network, ...]:
    """The proxies of the configuration."""
    return tuple(ip_network(text) for text in settings.trusted_proxies)


def limit_requests(settings: WebConfig, clock: Callable[[], float] = time.monotonic) -> Middleware:
    """A middleware that answers 429 to an address that asks too often."""
    limiter = AddressLimiter(settings.requests_per_second, settings.burst)
    trusted = trusted_networks(settings)
    warned: set[str] = set()

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer, forwarded = request.remote or "", request.headers.getall(FORWARDED, [])
        address = client_address(peer, forwarded, trusted)
        if wait := limiter.seconds_to_wait(address, clock()):
            if forwarded and address == client_address(peer, (), ()) and not warned:
                warned.add(peer)
                log.warning("the visitors behind a proxy share one limit; name it in web.trusted_proxies", proxy=peer)
            seconds = math.ceil(wait)
            sentence = f"too many requests from your address; wait {seconds} s"
            return error_response(429, sentence, {"Retry-After": str(seconds)})
        return await handler(request)

    return limit
