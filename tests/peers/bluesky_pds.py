"""A local server of the AT Protocol with the methods that posting needs. It checks what the reference server checks:
sessions, record keys, the lexicon of a post, blobs, and `swapRecord`.

Sources: lexicons and packages/pds of github.com/bluesky-social/atproto, atproto.com/specs/tid.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from datetime import datetime
from typing import Any

import regex
from aiohttp import web

from tests.peers.failing_server import FAULTS, FailingServer, Fault, Refusal

HANDLE, DID = "footfall.test.example", "did:plc:footfalltest2345672345672"
PASSWORD = "abcd-canary-pass-word"
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
PUT = "/xrpc/com.atproto.repo.putRecord"
BLOB = "/xrpc/com.atproto.repo.uploadBlob"
SESSION = "/xrpc/com.atproto.server.createSession"
REFRESH = "/xrpc/com.atproto.server.refreshSession"
RECORD = "/xrpc/com.atproto.repo.getRecord"


def _refused(status: int, kind: str, text: str = "", headers: dict[str, str] | None = None) -> Fault:
    return Fault(status, {"error": kind, "message": text}, headers or {})


FAILURES = {
    **FAULTS,
    "400 record": _refused(400, "InvalidRequest", "Invalid app.bsky.feed.post record"),
    "401": _refused(401, "AuthenticationRequired", "Invalid identifier or password"),
    "account taken down": _refused(400, "AccountTakedown", "Account has been taken down"),
    "429": _refused(429, "RateLimitExceeded", "Rate Limit Exceeded", {"RateLimit-Reset": "1900000000"}),
    "429 without a reset": _refused(429, "RateLimitExceeded"),
    "200 HTML": Fault(200, "<html>hello</html>"),
    "success without an address": Fault(200, {"cid": "x"}, after=True),
}


class BlueskyPeer(FailingServer):
    """The server of one account."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, Any]] = {}
        """By record key."""
        self.blobs: dict[str, bytes] = {}
        self.sessions = 0
        """How many were opened with the password."""
        self._access: set[str] = set()
        self._refresh: set[str] = set()
        self._numbers = itertools.count(1)

    @property
    def posts(self) -> list[dict[str, Any]]:
        return [{"id": key, **record} for key, record in self.records.items()]

    @property
    def settings(self) -> str:
        return f'destinations: [{HANDLE}], service: "{self.url}"'

    def forget(self) -> None:
        super().forget()
        self.records.clear()

    def expire(self, refresh: bool = False) -> None:
        """Let the access tokens expire, and the refresh tokens too."""
        self._access.clear()
        if refresh:
            self._refresh.clear()

    def routes(self, app: web.Application) -> None:
        app.router.add_post(SESSION, self._create_session)
        app.router.add_post(REFRESH, self._refresh_session)
        app.router.add_get("/xrpc/com.atproto.server.getSession", self._get_session)
        app.router.add_post(BLOB, self._upload)
        app.router.add_post(PUT, self._put)
        app.router.add_get(RECORD, self._get)

    def admit(self, request: web.Request) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.path in (SESSION, RECORD):
            return
        known = self._refresh if request.path == REFRESH else self._access
        if not token:
            raise Refusal(401, {"error": "AuthMissing", "message": "Authentication Required"})
        if token not in known:
            raise Refusal(400, {"error": "ExpiredToken", "message": "Token has expired"})

    async def _create_session(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body != {"identifier": HANDLE, "password": PASSWORD}:
            raise Refusal(401, {"error": "AuthenticationRequired", "message": "Invalid identifier or password"})
        self.sessions += 1
        return self._session()

    async def _refresh_session(self, request: web.Request) -> web.Response:
        self._refresh.discard(request.headers["Authorization"].removeprefix("Bearer "))
        return self._session()

    def _session(self) -> web.Response:
        number = next(self._numbers)
        access, refresh = f"canaryaccesstoken{number:08}", f"canaryrefreshtoken{number:08}"
        self._access.add(access)
        self._refresh.add(refresh)
        return self.answer(200, {"did": DID, "handle": HANDLE, "accessJwt": access, "refreshJwt": refresh})

    async def _get_session(self, request: web.Request) -> web.Response:
        return self.answer(200, {"did": DID, "handle": HANDLE})

    async def _upload(self, request: web.Request) -> web.Response:
        content, kind = await request.read(), request.headers["Content-Type"]
        link = "bafkrei" + hashlib.sha256(content).hexdigest()[:52]
        self.blobs[link] = content
        blob = {"$type": "blob", "ref": {"$link": link}, "mimeType": kind, "size": len(content)}
        return self.answer(200, {"blob": blob})

    async def _put(self, request: web.Request) -> web.Response:
        body = await request.json()
        key, record = body["rkey"], body["record"]
        if body["repo"] != DID or body["collection"] != "app.bsky.feed.post":
            raise Refusal(401, {"error": "AuthMissing", "message": "not your repository"})
        if mistake := "an invalid record key" if not TID.fullmatch(key) else self._mistake(record):
            raise Refusal(400, {"error": "InvalidRequest", "message": mistake})
        current = self.records.get(key)
        if "swapRecord" in body and body["swapRecord"] != (_cid(current) if current else None):
            raise Refusal(400, {"error": "InvalidSwap", "message": "Record was at another state"})
        self.records[key] = record
        return self.answer(200, {"uri": _uri(key), "cid": _cid(record), "validationStatus": "valid"})

    async def _get(self, request: web.Request) -> web.Response:
        key = request.query["rkey"]
        if request.query["repo"] not in (DID, HANDLE) or key not in self.records:
            raise Refusal(400, {"error": "RecordNotFound", "message": f"Could not locate record: {key}"})
        record = self.records[key]
        return self.answer(200, {"uri": _uri(key), "cid": _cid(record), "value": record})

    def _mistake(self, record: dict[str, Any]) -> str:
        """What the lexicons of a post forbid."""
        text = record["text"]
        if len(regex.findall(r"\X", text)) > 300 or len(text.encode()) > 3000:
            return "text is too long"
        if record["$type"] != "app.bsky.feed.post" or not datetime.fromisoformat(record["createdAt"]).tzinfo:
            return "type or time"
        for facet in record.get("facets", ()):
            start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
            text.encode()[start:end].decode()
            if not 0 <= start < end <= len(text.encode()) or not facet["features"][0]["uri"].startswith("http"):
                return "facet"
        for place in record.get("reply", {}).values():
            key = place["uri"].rpartition("/")[2]
            if key not in self.records or place["cid"] != _cid(self.records[key]):
                return "reply"
        for image in record.get("embed", {}).get("images", ()):
            blob = image["image"]
            content = self.blobs.get(blob["ref"]["$link"])
            if content is None or len(content) != blob["size"] or len(content) > 1_000_000 or not image["alt"]:
                return "image"
        return ""


def _uri(key: str) -> str:
    return f"at://{DID}/app.bsky.feed.post/{key}"


def _cid(record: dict[str, Any]) -> str:
    return "bafyrei" + hashlib.sha256(repr(sorted(record.items())).encode()).hexdigest()[:52]
