"""Transcripts: without secrets, within limits, and one line of error where they are damaged or hostile."""

from __future__ import annotations

import lzma
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import certifi
import httpx
import pytest
from aiohttp import web

from bot.clients import recording, transcript
from bot.clients.recording import Recorder, Replayer, open_client, tapped
from bot.clients.transcript import (
    FORMAT,
    Exchange,
    Header,
    Transcript,
    TranscriptError,
    load_transcript,
    make_disguise,
    save_transcript,
)
from tests.peers.served import Handler, Server, serving

SECRET = "r8_canary0123456789"
SETTINGS = {"endpoints": ["https://rpc.example/v2/canary0123456789abcdef", "https://plain.example/api/v0"], "rate": 5.0}
HEADER = Header(FORMAT, "replicate", datetime(2026, 10, 7, 2, tzinfo=UTC), {"live": True}, ["TOKEN"])
EXCHANGE = Exchange("GET", "https://plain.example/", "", 200, {}, "{}", "utf-8", "")


def echo(server: Server) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/endless":
            return web.Response(body=b"x" * 10_000)
        if request.path == "/packed":
            return web.Response(body=b"{}", headers={"Content-Encoding": "gzip"})
        told = f"{request.headers.get('Authorization', '')} {request.path_qs}"
        return web.Response(text=told, headers={"Set-Cookie": f"s={SECRET}", "ETag": SECRET, "X-Other": SECRET})

    return answer


def get(client: httpx.Client, url: str) -> str:
    try:
        with client.stream("GET", url) as answer:
            return f"{answer.status_code} {answer.read().decode()}"
    except httpx.HTTPError as error:
        return type(error).__name__


def test_what_was_recorded_is_replayed_without_the_network_and_without_secrets(tmp_path: Path) -> None:
    recorder = Recorder(make_disguise({}, [SECRET]), 60)
    with serving(echo) as server:
        urls = [f"{server.url}/a?x=1", f"{server.url}/a?x=1&token={SECRET}", f"{server.url}/packed"]
        with tapped(recorder), open_client(headers={"Authorization": f"Bearer {SECRET}"}) as client:
            live = [get(client, url) for url in urls]
    assert SECRET in live[0] and live[2] == "RemoteProtocolError"
    path = tmp_path / "answers.xz"
    save_transcript(path, Transcript(HEADER, recorder.exchanges))
    assert SECRET.encode() not in lzma.decompress(path.read_bytes())
    with tapped(Replayer(load_transcript(path).exchanges)), open_client() as client:
        again = [get(client, url) for url in [urls[0], urls[2], f"{server.url}/never-asked"]]
    assert again == [live[0].replace(SECRET, "[redacted]"), "RemoteProtocolError", "ConnectError"]


def test_an_address_with_a_key_is_written_without_it() -> None:
    disguise = make_disguise(SETTINGS, [])
    assert disguise.of_settings(SETTINGS)["endpoints"] == ["https://rpc.example/endpoint-1", SETTINGS["endpoints"][1]]  # type: ignore[index]
    assert disguise.of_url("https://rpc.example/v2/canary0123456789abcdef") == "https://rpc.example/endpoint-1"
    assert "canary" not in disguise.of_text("POST https://rpc.example/v2/canary0123456789abcdef failed")
    keyed = make_disguise({"api": "https://me:canary@rpc.example/x?key=canary"}, [])
    assert "canary" not in keyed.of_url("https://me:canary@rpc.example/x?key=canary")


def test_after_its_time_or_its_room_nothing_is_asked_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("bot.clients.recording.MAX_BODIES", 15_000)
    recorder = Recorder(make_disguise({}, []), 60, lambda: now[0])
    with serving(echo) as server, tapped(recorder), open_client() as client:
        answers = [get(client, f"{server.url}/endless")[:3] for _ in range(3)]
        asked = len(server.asked)
        late = Recorder(make_disguise({}, []), 60, lambda: now[0])
        now[0] = 61.0
        with tapped(late), open_client() as other:
            answers.append(get(other, f"{server.url}/a"))
        assert len(server.asked) == asked
    assert answers == ["200", "200", "Con", "ConnectTimeout"]


def test_calls_of_json_rpc_are_recognised_whatever_their_number_and_their_batch() -> None:
    question = '[{"jsonrpc":"2.0","id":7,"method":"a","params":[]},{"jsonrpc":"2.0","id":8,"method":"b","params":[1]}]'
    body = '[{"id":8,"result":"B"},{"id":7,"result":"A"}]'
    replayer = Replayer([Exchange("POST", "https://rpc.example/", question, 200, {}, body, "utf-8", "")])
    with tapped(replayer), open_client() as client:
        again = client.post("https://rpc.example/", content=question.replace("7", "1").replace("8", "2")).json()
        alone = client.post("https://rpc.example/", json={"jsonrpc": "2.0", "id": 5, "method": "b", "params": [1]})
    assert again == [{"id": 2, "result": "B"}, {"id": 1, "result": "A"}]
    assert alone.json() == {"id": 5, "result": "B"}


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def without_an_end(path: Path) -> None:
    path.write_bytes(lzma.compress(b"\n".join(lzma.decompress(path.read_bytes()).splitlines()[:-1])))


def with_lines(*lines: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(lzma.compress(b"\n".join(lines)))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "absent": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello"),
    "cut": cut,
    "without an end": without_an_end,
    "deep": with_lines(b"[" * 100_000, b"{}", b"{}"),
    "not UTF-8": with_lines(b"\xff\xfe", b"{}"),
    "another format": with_lines(
        b'{"format":9,"network":"x","at":"2026-10-07T02:00:00Z","settings":{},"secrets":[]}', b'{"exchanges":0}'
    ),
    "a bomb": lambda path: path.write_bytes(lzma.compress(b"\0" * (2**22))),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_transcript_is_one_line_of_error(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "MAX_TEXT", 2**20)
    path = tmp_path / "answers.xz"
    save_transcript(path, Transcript(HEADER, [EXCHANGE] * 3))
    assert len(load_transcript(path).exchanges) == 3
    DAMAGE[damage](path)
    with pytest.raises(TranscriptError) as error:
        load_transcript(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_every_client_of_a_source_can_be_recorded() -> None:
    bot = Path(transcript.__file__).parents[1]
    places = [path for part in ("sources", "chain", "clients") for path in sorted((bot / part).rglob("*.py"))]
    opening = [path.name for path in places if "httpx.Client(" in path.read_text(encoding="utf-8")]
    assert opening == ["recording.py"]


def test_clients_share_the_trusted_certificates_of_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    usual = recording.tls_context()
    assert recording.tls_context() is usual
    assert usual.check_hostname and usual.verify_mode == ssl.CERT_REQUIRED
    contexts: list[object] = []
    monkeypatch.setattr(httpx, "Client", lambda **options: contexts.append(options["verify"]))
    open_client()
    open_client(timeout=5)
    assert contexts == [usual, usual]
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert recording.tls_context() is not usual
