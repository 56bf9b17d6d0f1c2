"""An HTTP proxy between a reader and a node, with the limits of real nodes, which misbehaves on request.

Error texts are those that og-evm's nodes give (`rpc/namespaces/ethereum/eth/filters/filters.go`).
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

Question = dict[str, Any]
Answer = dict[str, Any]


@dataclass(slots=True)
class Behaviour:
    """The proxy's behaviour; tests change it."""

    upstream: str
    range_cap: int | None = None
    """Blocks between `fromBlock` and `toBlock` above which logs are refused."""
    range_words: str = "maximum [from, to] blocks distance: {cap}"
    """How it refuses such a range."""
    result_cap: int | None = None
    """Logs above which an answer is refused."""
    behind: int = 0
    """Blocks by which it lags: it does not know newer ones, and clamps ranges silently."""
    boast: int = 0
    """Blocks by which it claims to be ahead."""
    hang: bool = False
    hangs_on: Callable[[Question, Answer], bool] = lambda question, answer: False
    """Responses that are never sent."""
    drop_after: int | None = None
    """Bytes of an answer after which the connection is dropped."""
    status: int = 200
    body: bytes | None = None
    """The response to every request."""
    headers: dict[str, str] = field(default_factory=dict)
    rewrite: Callable[[Question, Answer], Answer] = lambda question, answer: answer
    """Changes each JSON-RPC response."""
    batches: bool = True
    failures: int = 0
    """Number of the next requests that get a 503."""
    asked: list[Question] = field(default_factory=list)
    requests: int = 0
    running: int = 0
    most_running: int = 0

    def count(self, method: str) -> int:
        return sum(question["method"] == method for question in self.asked)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy."""

    url: str
    does: Behaviour


def _fault(question: Question, code: int, message: str) -> Answer:
    return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": code, "message": message}}


class _Server:
    def __init__(self, does: Behaviour) -> None:
        self.does = does
        self.session: ClientSession | None = None
        self.hanging = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        does = self.does
        does.requests += 1
        does.running += 1
        does.most_running = max(does.most_running, does.running)
        try:
            return await self._answered(request)
        finally:
            does.running -= 1

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        does = self.does
        questions = json.loads(await request.read())
        does.asked += questions if isinstance(questions, list) else [questions]
        if does.hang:
            await self.hanging.wait()
        if does.failures:
            does.failures -= 1
            return web.Response(status=503, text="<html>try later</html>")
        if does.body is not None:
            return web.Response(status=does.status, body=does.body, headers=does.headers)
        if isinstance(questions, list) and not does.batches:
            refused = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}}
            return web.json_response(refused)
        if isinstance(questions, list):
            text = json.dumps([await self._one(question) for question in questions])
        else:
            text = json.dumps(await self._one(questions))
        if does.drop_after is None:
            return web.Response(status=does.status, text=text, content_type="application/json", headers=does.headers)
        response = web.StreamResponse(headers={"Content-Length": str(len(text))})
        await response.prepare(request)
        await response.write(text[: does.drop_after].encode())
        assert request.transport is not None
        request.transport.close()
        return response

    async def _one(self, question: Question) -> Answer:
        does = self.does
        latest = question["method"] == "eth_getBlockByNumber" and question["params"][0] == "latest"
        if does.behind or does.boast:
            question = await self._older(question)
        if question["method"] == "eth_getLogs":
            param = question["params"][0]
            first, last = int(param["fromBlock"], 16), int(param["toBlock"], 16)
            if does.range_cap is not None and last - first > does.range_cap:
                text = does.range_words.format(cap=does.range_cap)
                return does.rewrite(question, _fault(question, -32000, text))
        answer = await self._upstream(question)
        if does.hangs_on(question, answer):
            await self.hanging.wait()
        if does.boast and latest:
            answer["result"]["number"] = hex(int(answer["result"]["number"], 16) + does.boast)
        logs = answer.get("result")
        if question["method"] == "eth_getLogs" and does.result_cap is not None and len(logs) > does.result_cap:
            answer = _fault(question, -32000, f"query returned more than {does.result_cap} results")
        return does.rewrite(question, answer)

    async def _older(self, question: Question) -> Question:
        """The request as a node without the newest blocks sees it."""
        head = int((await self._upstream({**question, "method": "eth_blockNumber", "params": []}))["result"], 16)
        newest = head - self.does.behind
        params = json.loads(json.dumps(question["params"]))
        if question["method"] == "eth_getBlockByNumber":
            if params[0] in ("latest", "safe", "finalized"):
                params[0] = hex(newest)
            elif int(params[0], 16) > newest:
                params[0] = hex(2**62)
        if question["method"] == "eth_getLogs":
            params[0]["toBlock"] = hex(min(int(params[0]["toBlock"], 16), newest))
        return {**question, "params": params}

    async def _upstream(self, question: Question) -> Answer:
        assert self.session is not None
        async with self.session.post(self.does.upstream, json=question) as answer:
            upstream: Answer = await answer.json()
            return upstream


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    """A proxy on a free loopback port, stopped at the end of the block."""
    does = Behaviour(upstream)
    server = _Server(does)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()
    port: list[int] = []

    async def serve() -> None:
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/", server.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port.append(runner.addresses[0][1])
        async with ClientSession() as server.session:
            ready.set()
            await stop.wait()
            server.hanging.set()
            await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(120)
        yield Proxy(f"http://127.0.0.1:{port[0]}/", does)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(120)
        loop.close()
