"""A local X: the API v2 routes that posting needs, in a thread of its own.

It has a ledger of what it accepted, verifies each OAuth 1.0a signature with oauthlib's server side, enforces the
published limits and can fail in every way of the real one. It shares no code with the code under
test. Sources: docs.x.com (Aug 2026) and error bodies seen in public logs.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any

from aiohttp import web
from oauthlib.oauth1 import RequestValidator, ResourceEndpoint

from bot import x_text
from tests.peers.judge import JUDGE
from tests.peers.openapi import Recorded
from tests.peers.x_rules import fits_post

KEYS = {
    "X_API_KEY": "canarykeyAAAAAAAAAAAAAAAA",
    "X_API_SECRET": "canarysecretBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
    "X_ACCESS_TOKEN": "900100200300-canarytokenCCCCCCCCCCCCCCCCCCC",
    "X_ACCESS_TOKEN_SECRET": "canarytokensecretDDDDDDDDDDDDDDDDDDDDDDDDDDDD",
}
USER = "900100200300"
NAME = "footfall_test"
EPOCH_MS = 1_288_834_974_657
POST_KEYS = {"text", "reply", "media", "poll", "edit_options", "quote_tweet_id", "community_id", "share_with_followers"}
POST_KEYS |= {"reply_settings", "made_with_ai", "paid_partnership", "geo", "for_super_followers_only", "nullcast"}
POST_KEYS |= {"card_uri", "direct_message_deep_link"}
PROBLEM = "application/problem+json"
PROBLEMS = "https://api.x.com/2/problems/"


@dataclass(frozen=True)
class Failure:
    """One way to fail. `after`: the request is accepted and executed first, as if only its response were lost."""

    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    how: str = "answer"
    """answer, drop, hang, truncate or drip."""


def _problem(status: int, title: str, detail: str, kind: str = "about:blank", **headers: str) -> Failure:
    body = {"title": title, "detail": detail, "type": kind, "status": status}
    return Failure(status, body, {k.replace("_", "-"): v for k, v in headers.items()})


NOT_SUMMONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author"
    " of the post you are replying to."
)
FAILURES = {
    "400": Failure(
        400,
        {
            "errors": [{"message": "The text is odd", "parameters": {}}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": PROBLEMS + "invalid-request",
        },
    ),
    "401": _problem(401, "Unauthorized", "Unauthorized"),
    "402 since August": _problem(402, "Payment Required", "credits depleted", PROBLEMS + "credits-depleted"),
    "402 before": Failure(
        402,
        {
            "title": "CreditsDepleted",
            "detail": "Your enrolled account [1] does not have any credits to fulfill this request.",
            "type": PROBLEMS + "credits",
        },
    ),
    "403 not summoned": _problem(403, "Forbidden", NOT_SUMMONED),
    "403 of no known kind": _problem(403, "Forbidden", "You are not permitted to perform this action."),
    "403 app not enrolled": _problem(403, "Client Forbidden", "Not enrolled", PROBLEMS + "client-not-enrolled"),
    "403 read only keys": _problem(403, "Forbidden", "Not permitted", PROBLEMS + "oauth1-permissions"),
    "403 suspended": _problem(403, "Forbidden", "Your account is suspended and is not permitted to do this."),
    "404": _problem(404, "Not Found", "Not Found"),
    "408": _problem(408, "Request Timeout", "Request Timeout"),
    "429 without a reset": _problem(429, "Too Many Requests", "Too Many Requests"),
    "429 code 88": Failure(429, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}),
    "429 with a broken reset": Failure(429, {"title": "Too Many Requests"}, {"x-rate-limit-reset": "soon"}),
    "usage-capped": _problem(429, "UsageCapExceeded", "Usage cap exceeded: Monthly", PROBLEMS + "usage-capped"),
    "500": _problem(500, "Internal Server Error", "Something is broken."),
    "503 HTML": Failure(503, "<html><h1>Over capacity</h1></html>"),
    "503 with a JSON list": Failure(503, ["over capacity"]),
    "500 after accepting": Failure(500, "<html>oops</html>", after=True),
    "redirect": Failure(307, "", {"Location": "http://127.0.0.1:1/elsewhere"}),
    "dropped before accepting": Failure(how="drop"),
    "dropped after accepting": Failure(how="drop", after=True),
    "time-out before accepting": Failure(how="hang"),
    "time-out after accepting": Failure(how="hang", after=True),
    "dripping for ever": Failure(how="drip", after=True),
    "malformed JSON": Failure(201, '{"data": {"id": ', after=True),
    "truncated": Failure(how="truncate", after=True),
    "200 HTML": Failure(200, "<html>hello</html>"),
    "success without an id": Failure(201, {"data": {"text": "x"}}, after=True),
    "success with errors only": Failure(200, {"errors": [{"title": "odd"}]}),
    "an answer too large": Failure(201, "[" + "0," * 1_500_000 + "0]", after=True),
}


class _Keys(RequestValidator):
    """X's side of OAuth 1.0a: one app, one account, a window of five minutes, no nonce twice."""

    enforce_ssl = False
    client_key_length = (20, 30)
    access_token_length = (20, 60)
    nonce_length = (10, 60)
    dummy_client = "dummyclientdummyclient00"
    dummy_access_token = "dummytokendummytokendummy"

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._nonces: set[str] = set()

    @property
    def safe_characters(self) -> set[str]:
        return super().safe_characters | {"-"}

    def validate_client_key(self, client_key: str, request: object) -> bool:
        return client_key == KEYS["X_API_KEY"]

    def validate_access_token(self, client_key: str, token: str, request: object) -> bool:
        return token == KEYS["X_ACCESS_TOKEN"]

    def get_client_secret(self, client_key: str, request: object) -> str:
        return KEYS["X_API_SECRET"]

    def get_access_token_secret(self, client_key: str, token: str, request: object) -> str:
        return KEYS["X_ACCESS_TOKEN_SECRET"]

    def validate_realms(self, *args: object, **more: object) -> bool:
        return True

    def validate_timestamp_and_nonce(
        self, client_key: str, timestamp: str, nonce: str, request: object, **more: object
    ) -> bool:
        fresh = abs(self._now().timestamp() - int(timestamp)) <= 300 and nonce not in self._nonces
        self._nonces.add(nonce)
        return fresh


class Refusal(Exception):
    def __init__(self, status: int, detail: str, kind: str = "about:blank") -> None:
        super().__init__(detail)
        self.failure = _problem(status, "Forbidden" if status == 403 else "Invalid Request", detail, kind)


class XPeer:
    """One X. `posts` is its ledger: every accepted post, oldest first, as sent (`sent`) and as shown (`text`)."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.requests: list[Recorded] = []
        self.media: dict[str, dict[str, Any]] = {}
        self.polls: dict[str, dict[str, Any]] = {}
        self.offset = timedelta()
        """The difference between this X's clock and the machine's."""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.lag = 0
        """Number of reads of the timeline that still lack the newest post."""
        self.repeats = False
        """Whether the same text may be posted twice. The real one refuses it; a test that counts posts must not depend
        on that."""
        self.forbid_replies = False
        """Whether replies are refused, as if the app was not summoned."""
        self.dialect = "tweet"
        self.access_level = "read-write"
        self.name = NAME
        self._plans: list[tuple[str, Failure]] = []
        self._sequence = 0
        self._keys = ResourceEndpoint(_Keys(self.now))
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="x-peer", daemon=True)
        self._ready = threading.Event()
        self.url = ""

    # --- told by the test

    def fail(self, how: str | Failure, route: str = "/2/tweets", times: int = 1) -> None:
        """The next `times` requests for a route fail so: a name in `FAILURES` or a `Failure`."""
        failure = FAILURES[how] if isinstance(how, str) else how
        self._plans += [(route, failure)] * times

    def now(self) -> datetime:
        return self.clock() + self.offset

    def accept(self, text: str, *, at: datetime | None = None, reply_to: str | None = None, pictures: int = 0) -> str:
        """Add a post to the ledger as if it had come from elsewhere."""
        body: dict[str, Any] = {"text": text} | ({"reply": {"in_reply_to_tweet_id": reply_to}} if reply_to else {})
        return self._keep(body, at or self.now(), pictures)["id"]

    # --- life

    def __enter__(self) -> XPeer:
        self._thread.start()
        assert self._ready.wait(120)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(120)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._door], client_max_size=10 * 1024 * 1024)
        app.router.add_post("/2/tweets", self._post)
        app.router.add_get("/2/tweets/{id}", self._one)
        app.router.add_post("/2/media/upload", self._upload)
        app.router.add_post("/2/media/metadata", self._describe)
        app.router.add_get("/2/users/me", self._me)
        app.router.add_get("/2/users/{id}/tweets", self._timeline)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    # --- the door

    @web.middleware
    async def _door(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.read()
        recorded = Recorded(request.method, request.path_qs, dict(request.headers), body)
        self.requests.append(recorded)
        JUDGE.hear("x", recorded)
        failure = self._planned(request)
        if failure and not failure.after:
            return await self._fail(request, failure)
        try:
            self._signed(request)
            answer = await handler(request)
        except Refusal as refusal:
            return self._json(refusal.failure.status, refusal.failure.body, content_type=PROBLEM)
        except web.HTTPException as error:
            return self._json(error.status, FAILURES["404"].body, content_type=PROBLEM)
        return await self._fail(request, failure) if failure else answer

    def _planned(self, request: web.Request) -> Failure | None:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else request.path
        for plan in self._plans:
            if plan[0] == route:
                self._plans.remove(plan)
                return plan[1]
        return None

    def _signed(self, request: web.Request) -> None:
        valid, _ = self._keys.validate_protected_resource_request(
            self.url + request.path_qs, request.method, None, dict(request.headers)
        )
        if not valid:
            raise Refusal(401, "Unauthorized")

    async def _fail(self, request: web.Request, failure: Failure) -> web.StreamResponse:
        if failure.how == "answer":
            return self._json(failure.status, failure.body, content_type=PROBLEM, headers=failure.headers)
        if failure.how == "hang":
            await self._stopping.wait()
        if failure.how == "truncate":
            cut = web.StreamResponse(status=201, headers={"Content-Length": "500", "Content-Type": "application/json"})
            await cut.prepare(request)
            await cut.write(b'{"data": {"id": "1')
        if failure.how == "drip":
            drip = web.StreamResponse(status=201, headers={"Content-Type": "application/json"})
            await drip.prepare(request)
            with contextlib.suppress(ConnectionError):
                while not self._stopping.is_set():
                    await drip.write(b" ")
                    await asyncio.sleep(0.01)
        assert request.transport
        request.transport.close()
        return web.Response()

    def _json(
        self, status: int, body: Any, content_type: str = "application/json", headers: dict[str, str] | None = None
    ) -> web.Response:
        limits = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "99"}
        limits |= (
            {"x-rate-limit-reset": str(int(self.now().timestamp()) + 900)}
            if status != 429
            else {"x-rate-limit-remaining": "0"}
        )
        more = limits | {"Date": format_datetime(self.now(), usegmt=True), "x-access-level": self.access_level}
        more |= headers or {}
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html", headers=more)
        return web.json_response(body, status=status, headers=more, content_type=content_type)

    # --- writing

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        if unknown := set(body) - POST_KEYS:
            raise Refusal(400, f"unknown keys {sorted(unknown)}")
        self._check_text(body.get("text", ""), body)
        self._check_attachments(body)
        self._check_place(body)
        row = self._keep(body, self.now(), len(body.get("media", {}).get("media_ids", ())))
        return self._json(201, {"data": {"id": row["id"], "text": row["text"], "edit_history_tweet_ids": [row["id"]]}})

    def _check_text(self, text: str, body: dict[str, Any]) -> None:
        if not text and "media" not in body:
            raise Refusal(400, "text or media is required")
        if not fits_post(text or "x"):
            raise Refusal(400, "Your Tweet text is too long.")
        kinds = [entity.kind for entity in x_text.find_entities(text)]
        if kinds.count("cashtag") > 1:
            raise Refusal(400, "at most one cashtag")
        if "mention" in kinds or "list" in kinds:
            raise Refusal(403, "You are not permitted to mention users.")
        parent = body.get("reply", {}).get("in_reply_to_tweet_id")
        if not self.repeats and any(post["sent"] == text and post["reply_to"] == parent for post in self.posts):
            raise Refusal(403, "You are not allowed to create a Tweet with duplicate content.")

    def _check_attachments(self, body: dict[str, Any]) -> None:
        ids, poll = body.get("media", {}).get("media_ids", []), body.get("poll")
        if ids and poll:
            raise Refusal(400, "media and poll are mutually exclusive")
        if len(ids) > 4 or any(media not in self.media for media in ids):
            raise Refusal(400, "Your media IDs are invalid.")
        if poll is None:
            return
        options, minutes = poll["options"], poll["duration_minutes"]
        if not 2 <= len(options) <= 4 or any(not 1 <= len(o) <= 25 for o in options) or not 5 <= minutes <= 10_080:
            raise Refusal(400, "the poll is invalid")

    def _check_place(self, body: dict[str, Any]) -> None:
        known = {post["id"]: post for post in self.posts}
        if (parent := body.get("reply", {}).get("in_reply_to_tweet_id")) and (
            parent not in known or self.forbid_replies
        ):
            raise Refusal(403, NOT_SUMMONED)
        edited = body.get("edit_options", {}).get("previous_post_id")
        if edited and edited in self.polls:
            raise Refusal(400, "posts with a poll cannot be edited")
        if edited and (edited not in known or self.now() - known[edited]["at"] > timedelta(minutes=30)):
            raise Refusal(403, "You are not permitted to edit this post.")

    def _keep(self, body: dict[str, Any], at: datetime, pictures: int) -> dict[str, Any]:
        self._sequence += 1
        number = str(((int(at.timestamp() * 1000) - EPOCH_MS) << 22) + self._sequence)
        shown = body["text"]
        for url in x_text.find_urls(shown):
            shown = shown.replace(url.text, f"https://t.co/u{abs(hash(url.text)) % 10**8}")
        shown += f" https://t.co/p{self._sequence}" if pictures else ""
        reply_to = body.get("reply", {}).get("in_reply_to_tweet_id")
        edits = body.get("edit_options", {}).get("previous_post_id")
        row = {"id": number, "sent": body["text"], "text": escape(shown, quote=False), "at": at, "reply_to": reply_to}
        row |= {"edits": edits, "media": body.get("media", {}).get("media_ids", []), "body": body}
        if edits:
            old = next(post for post in self.posts if post["id"] == edits)
            row["reply_to"] = old["reply_to"]
            self.posts.remove(old)
        self.posts.append(row)
        if poll := body.get("poll"):
            options = [{"position": n, "label": label, "votes": 0} for n, label in enumerate(poll["options"], 1)]
            self.polls[number] = {"id": number, "voting_status": "open", "options": options}
        return row

    async def _upload(self, request: web.Request) -> web.Response:
        body = await request.json()
        content = base64.b64decode(body["media"], validate=True)
        if (
            set(body) != {"media", "media_category"}
            or body["media_category"] != "tweet_image"
            or len(content) > 5 * 1024 * 1024
        ):
            raise Refusal(400, "the picture is invalid")
        number = str(1_900_000_000_000_000_000 + len(self.media))
        self.media[number] = {"content": content, "alt": None}
        data = {"id": number, "media_key": f"3_{number}", "expires_after_secs": 86_400, "size": len(content)}
        return self._json(200, {"data": data})

    async def _describe(self, request: web.Request) -> web.Response:
        body = await request.json()
        alt = body["metadata"]["alt_text"]["text"]
        if body["id"] not in self.media or len(alt) > 1000:
            raise Refusal(400, "the metadata is invalid")
        self.media[body["id"]]["alt"] = alt
        return self._json(200, {"data": {"id": body["id"], "associated_metadata": body["metadata"]}})

    # --- reading

    async def _me(self, request: web.Request) -> web.Response:
        return self._json(200, {"data": {"id": USER, "name": "Footfall", "username": self.name}})

    async def _timeline(self, request: web.Request) -> web.Response:
        query = request.query
        size, start = int(query.get("max_results", 10)), query.get("start_time")
        if not 5 <= size <= 100:
            raise Refusal(400, "max_results is invalid")
        rows = sorted(self.posts, key=lambda post: -int(post["id"]))
        if self.lag:
            self.lag -= 1
            rows = rows[1:]
        if start:
            rows = [row for row in rows if row["at"] >= datetime.fromisoformat(start)]
        first = int(query.get("pagination_token", 0))
        fields = query.get(f"{self.dialect}.fields", "").split(",")
        page = [self._shown(row, fields) for row in rows[first : first + size]]
        meta: dict[str, Any] = {"result_count": len(page)}
        if first + size < len(rows):
            meta["next_token"] = str(first + size)
        return self._json(200, ({"data": page} if page else {}) | {"meta": meta})

    def _shown(self, row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
        shown = {"id": row["id"], "text": row["text"], "edit_history_tweet_ids": [row["id"]]}
        if "created_at" in fields:
            shown["created_at"] = row["at"].isoformat().replace("+00:00", "Z")
        if "referenced_tweets" in fields and row["reply_to"]:
            shown["referenced_tweets"] = [{"type": "replied_to", "id": row["reply_to"]}]
        return shown

    async def _one(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        row = next((post for post in self.posts if post["id"] == number), None)
        if row is None:
            return self._json(200, {"errors": [{"title": "Not Found Error", "type": PROBLEMS + "resource-not-found"}]})
        document: dict[str, Any] = {"data": self._shown(row, [])}
        if number in self.polls and "attachments.poll_ids" in request.query.get("expansions", ""):
            document["includes"] = {"polls": [self.polls[number]]}
        return self._json(200, document)
