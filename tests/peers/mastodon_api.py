"""A local Mastodon with the routes that posting needs: idempotency keys for an hour, its own limit on characters,
pictures that take time, statuses as HTML, edits and polls.

Sources: docs.joinmastodon.org/methods (statuses, media, accounts, instance) and `PostStatusService`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import escape
from typing import Any

from aiohttp import web

from tests.peers.failing_server import FAULTS, FailingServer, Fault, Refusal

USER, ACCOUNT = "footfall", "109000000000000001"
TOKEN = "canarymastodontokenAAAAAAAAAAAAAAAAAAAAAAAA"
STATUSES, MEDIA, INSTANCE = "/api/v1/statuses", "/api/v2/media", "/api/v2/instance"
_URL = re.compile(r"https?://\S+")


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Fault:
    return Fault(status, {"error": text}, headers or {})


FAILURES = {
    **FAULTS,
    "401": _refused(401, "The access token is invalid"),
    "403 scope": _refused(403, "This action is outside the authorized scopes"),
    "404": _refused(404, "Record not found"),
    "422": _refused(422, "Validation failed: Text can't be blank"),
    "429": _refused(429, "Too many requests", {"X-RateLimit-Reset": "2031-01-01T00:00:00.000000Z"}),
    "429 without a reset": _refused(429, "Too many requests"),
    "200 HTML": Fault(200, "<html>hello</html>", after=True),
    "success without a number": Fault(200, {"content": "x"}, after=True),
}


class MastodonPeer(FailingServer):
    """A server with one account."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[dict[str, Any]] = []
        self.media: dict[str, dict[str, Any]] = {}
        self.longest = 500
        self.announced: Any = 500
        """The limit that it names."""
        self.keys_last = timedelta(hours=1)
        """How long an idempotency key is remembered."""
        self.slow_pictures = 0
        """How often the next pictures are not ready when they are asked for."""
        self._keys: dict[str, tuple[str, datetime]] = {}
        self._last = 109_000_000_000_000_000

    @property
    def posts(self) -> list[dict[str, Any]]:
        return self.statuses

    @property
    def settings(self) -> str:
        return f'destinations: [{USER}], server: "{self.url}"'

    def forget(self) -> None:
        super().forget()
        self.statuses.clear()
        self._keys.clear()

    def vote(self, number: str, counts: list[int], ended: bool) -> None:
        poll = self._status(number)["poll"]
        poll["expired"] = ended
        for option, count in zip(poll["options"], counts, strict=True):
            option["votes_count"] = count

    def routes(self, app: web.Application) -> None:
        app.router.add_get(INSTANCE, self._instance)
        app.router.add_get("/api/v1/accounts/verify_credentials", self._credentials)
        app.router.add_get("/api/v1/accounts/{id}/statuses", self._list)
        app.router.add_post(MEDIA, self._upload)
        app.router.add_get("/api/v1/media/{id}", self._picture)
        app.router.add_post(STATUSES, self._post)
        app.router.add_get(STATUSES + "/{id}", self._one)
        app.router.add_put(STATUSES + "/{id}", self._edit)

    def admit(self, request: web.Request) -> None:
        if request.path != INSTANCE and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refusal(401, {"error": "The access token is invalid"})

    async def _instance(self, request: web.Request) -> web.Response:
        limits = {"max_characters": self.announced, "max_media_attachments": 4, "characters_reserved_per_url": 23}
        return self.answer(200, {"domain": "social.example", "configuration": {"statuses": limits}})

    async def _credentials(self, request: web.Request) -> web.Response:
        return self.answer(200, {"id": ACCOUNT, "username": USER, "acct": USER})

    async def _list(self, request: web.Request) -> web.Response:
        size, below = int(request.query.get("limit", "20")), int(request.query.get("max_id", 10**30))
        if request.match_info["id"] != ACCOUNT or not 1 <= size <= 40:
            raise Refusal(404, {"error": "Record not found"})
        rows = [row for row in reversed(self.statuses) if int(row["id"]) < below]
        return self.answer(200, rows[:size])

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file, text = form["file"], str(form["description"])
        assert isinstance(file, web.FileField)
        if not file.content_type.startswith("image/") or len(text) > 1500:
            file.file.close()
            raise Refusal(422, {"error": "Validation failed: File content type is invalid"})
        number = self._number()
        with file.file as uploaded:
            self.media[number] = {"content": uploaded.read(), "alt": text}
        return self.answer(202 if self.slow_pictures else 200, {"id": number, "type": "image", "description": text})

    async def _picture(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.media:
            raise Refusal(404, {"error": "Record not found"})
        self.slow_pictures = max(0, self.slow_pictures - 1)
        return self.answer(206 if self.slow_pictures else 200, {"id": request.match_info["id"]})

    async def _post(self, request: web.Request) -> web.Response:
        key, body = request.headers.get("Idempotency-Key", ""), await request.json()
        if key in self._keys and self.now() - self._keys[key][1] < self.keys_last:
            return self.answer(200, self._status(self._keys[key][0]))
        self._check(body)
        row = self._row(self._number(), body)
        self.statuses.append(row)
        if key:
            self._keys[key] = row["id"], self.now()
        return self.answer(200, row)

    async def _one(self, request: web.Request) -> web.Response:
        return self.answer(200, self._status(request.match_info["id"]))

    async def _edit(self, request: web.Request) -> web.Response:
        old, body = self._status(request.match_info["id"]), await request.json()
        self._check(body)
        fresh = self._row(old["id"], body)
        old |= {key: fresh[key] for key in ("sent", "content", "language")}
        return self.answer(200, old)

    def _check(self, body: dict[str, Any]) -> None:
        text = _URL.sub("x" * 23, body["status"])
        if not text or len(text) > self.longest:
            raise Refusal(422, {"error": "Validation failed: Text character limit exceeded"})
        media, poll = body.get("media_ids", []), body.get("poll")
        if any(number not in self.media for number in media) or (media and poll):
            raise Refusal(422, {"error": "Cannot attach files that have not finished processing. Try again later!"})
        if poll and (len(poll["options"]) > 4 or any(len(text) > 50 for text in poll["options"])):
            raise Refusal(422, {"error": "Validation failed: Poll is invalid"})
        if parent := body.get("in_reply_to_id"):
            self._status(parent)

    def _row(self, number: str, body: dict[str, Any]) -> dict[str, Any]:
        content = "</p><p>".join(escape(part).replace("\n", "<br />") for part in body["status"].split("\n\n"))
        content = re.sub(r"https?://(\S+?)(?=<|\s|$)", r'<a href="https://\1"><span>https://</span>\1</a>', content)
        at, poll = self.now(), body.get("poll")
        row = {"id": number, "sent": body["status"], "content": f"<p>{content}</p>", "created_at": at.isoformat()}
        row |= {"in_reply_to_id": body.get("in_reply_to_id"), "url": f"https://social.example/@{USER}/{number}"}
        row |= {"visibility": body.get("visibility"), "language": body["language"], "media": body.get("media_ids", [])}
        options = [{"title": text, "votes_count": 0} for text in poll["options"]] if poll else []
        return {**row, "poll": {"options": options, "expired": False} if poll else None}

    def _status(self, number: str) -> dict[str, Any]:
        for row in self.statuses:
            if row["id"] == number:
                return row
        raise Refusal(404, {"error": "Record not found"})

    def _number(self) -> str:
        self._last += 1
        return str(self._last)
