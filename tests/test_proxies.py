"""All connections to the Internet use the proxy of the environment, except those in `NO_PROXY`."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from bot import config
from bot.chain import ChainIdentity, ChainReader, Endpoint, QuorumUnreachableError
from bot.clients import http
from bot.clients.recording import tls_context
from bot.outlets import RetryLater, Sent
from bot.queries import QueryContext
from bot.records import SourceError
from bot.sources.opengradient.blob_archive import BlobArchive
from bot.sources.opengradient.panels import unreachable_endpoints
from bot.sources.opengradient.walrus import Blob, Walrus
from tests import query_contexts
from tests.discord_bot.test_connection import serving as slash_serving
from tests.outlets import rig_discord, rig_x
from tests.patience import make_client
from tests.peers.aggregator import Aggregator
from tests.peers.discord_gateway import DiscordGateway
from tests.peers.http_proxy import HttpProxy, http_proxy
from tests.peers.served import Handler, Server, serving

NOW = datetime(2026, 3, 4, tzinfo=UTC)
BLOB = "orGaXuTN-hxHTViVALqcbFN8Cv6fxjaC3OUqg1ZjvZY"
Door = Callable[[Path], str]
"""Connects to a local server, checks the response, and returns the server's address."""


@contextmanager
def _served(body: bytes) -> Iterator[Server]:
    def handler(_server: Server) -> Handler:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=body, content_type="application/json")

        return answer

    with serving(handler) as server:
        yield server


def _live_list(folder: Path) -> str:
    with _served(b"{}") as server:
        manners = http.HttpLimits(60)
        with http.make_client("token", manners) as client:
            assert http.get_body(client, f"{server.url}/v1/models", manners) == b"{}"
        return server.url


def _blobs(folder: Path) -> str:
    with serving(Aggregator({BLOB: b"blob"}, None)) as server, make_client() as client:
        assert isinstance(Walrus([server.url], BlobArchive(folder), client).fetch_blob(BLOB, NOW, NOW), Blob)
        return server.url


def _rpc(folder: Path) -> str:
    with (
        _served(b"{}") as server,
        ChainReader(ChainIdentity(1, None), [Endpoint(server.url)], finality=0, tries=1) as chain,
    ):
        with pytest.raises(QuorumUnreachableError, match="wrong ids"):  # it was asked
            chain.final_head()
        return server.url


def _first_look(folder: Path) -> str:
    with _served(b"{}") as server:
        assert unreachable_endpoints({server.url: "figures"}, 60) == {}
        return server.url


def _x(folder: Path) -> str:
    with rig_x.waited() as peer, closing(rig_x.outlet(peer.url)) as outlet:
        assert isinstance(outlet.post(rig_x.part("text"), rig_x.NAME), Sent)
        return peer.url


def _discord(folder: Path) -> str:
    with rig_discord.hurried(), rig_discord.DiscordPeer() as peer:
        peer.channel(int(rig_discord.CHANNEL))
        with closing(rig_discord.outlet(peer, patience=60)) as outlet:
            assert isinstance(outlet.post(rig_discord.part("text"), rig_discord.CHANNEL), Sent)
        return peer.url


def _gateway(folder: Path) -> str:
    with query_contexts.desk(folder) as desk, DiscordGateway() as peer:
        _answers(desk, peer, folder)
        return peer.gateway.replace("ws://", "http://")


def _answers(desk: QueryContext, peer: DiscordGateway, folder: Path) -> None:
    with slash_serving(peer, desk, folder):
        peer.until(lambda: bool(peer.identified))
        reply = peer.ask("usage")
        assert reply.done.wait(60) and reply.message is not None


DOORS: dict[str, Door] = {
    "the live list": _live_list,
    "blobs": _blobs,
    "a chain": _rpc,
    "the first look": _first_look,
    "X": _x,
    "Discord": _discord,
    "Discord's gateway": _gateway,
}


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpProxy]:
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with http_proxy() as running:
        yield running


@pytest.mark.parametrize("door", DOORS)
def test_what_is_asked_for_goes_through_the_proxy(
    proxy: HttpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    parts = urlsplit(DOORS[door](tmp_path))
    assert f"{parts.hostname}:{parts.port}" in proxy.targets


@pytest.mark.parametrize("door", DOORS)
def test_what_is_exempt_goes_past_the_proxy(
    proxy: HttpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """In lower case too."""
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    DOORS[door](tmp_path)
    assert proxy.targets == []


def _tls_list(url: str) -> None:
    manners = http.HttpLimits(60, tries=1)
    with http.make_client("token", manners) as client, pytest.raises(SourceError, match="no answer"):
        http.get_body(client, url, manners)


def _tls_x(url: str) -> None:
    with closing(rig_x.outlet(url)) as outlet:
        assert isinstance(outlet.post(rig_x.part("text"), rig_x.NAME), RetryLater)


def _tls_discord(url: str) -> None:
    with rig_discord.hurried(), closing(rig_discord.outlet(f"{url}/api/v10", patience=60)) as outlet:
        assert isinstance(outlet.post(rig_discord.part("text"), rig_discord.CHANNEL), RetryLater)


@pytest.mark.parametrize("ask", [_tls_list, _tls_x, _tls_discord])
def test_what_is_encrypted_goes_through_a_tunnel_of_the_proxy(
    proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], None]
) -> None:
    """Only the request to the proxy matters; its failure is reported like that of an unreachable server."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    proxy.refuses_tunnels = True
    ask("https://127.0.0.1:9")
    assert set(proxy.tunnels) == {"127.0.0.1:9"}


def test_every_request_to_the_gateway_and_the_rest_of_discord_goes_through_the_proxy(
    proxy: HttpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for the answer to a member, which takes another path through discord.py."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with query_contexts.desk(tmp_path) as desk, DiscordGateway() as peer:
        monkeypatch.setenv("NO_PROXY", "")
        _answers(desk, peer, tmp_path)
        port = urlsplit(peer.url).port
    assert set(proxy.targets) == {f"127.0.0.1:{port}", f"127.0.0.1:{urlsplit(peer.gateway).port}"}


@pytest.mark.parametrize(
    ("variables", "url", "text"),
    [
        ({"HTTPS_PROXY": "http://p:3128"}, "https://discord.com/api/v10", "http://p:3128"),
        ({"HTTPS_PROXY": "p:3128"}, "https://discord.com/api/v10", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128"}, "wss://gateway.discord.gg", "http://p:3128"),
        ({"HTTP_PROXY": "http://p:3128"}, "https://discord.com/api/v10", None),
        ({"ALL_PROXY": "http://p:3128"}, "https://discord.com/api/v10", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": ".discord.com"}, "https://discord.com/api/v10", None),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "*"}, "https://discord.com/api/v10", None),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "cord.com"}, "https://discord.com/api/v10", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128", "https_proxy": "http://q:1"}, "https://discord.com/", "http://q:1"),
        ({}, "https://discord.com/api/v10", None),
    ],
)
def test_the_proxy_of_an_address_is_what_curl_would_take(
    proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, text: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert config.proxy_for(url) == text


def test_clients_share_the_certificates_they_read_and_those_with_http_2_their_own() -> None:
    """A client sets the protocols that its context offers."""
    assert tls_context() is tls_context() is not tls_context(http2=True)
    assert tls_context(http2=True) is tls_context(http2=True)
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
