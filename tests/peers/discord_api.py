"""A local Discord: the REST routes that posting needs, in a thread of its own.

It has a ledger of what it accepted, enforces the published limits, honours nonces, computes permissions itself and can
fail in every way of the real one. It shares no code with the code under test.
Sources: github.com/discord/discord-api-docs, pages resources/message, resources/poll, topics/rate-limits,
topics/permissions, topics/opcodes-and-status-codes.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from tests.peers.judge import JUDGE
from tests.peers.openapi import Recorded

TOKEN = "MTA.peer.token-of-a-bot-that-does-not-exist"
BOT = 900000000000000001
DISCORD_EPOCH_MS = 1420070400000
TEXT, DM, NEWS = 0, 1, 5

VIEW_CHANNEL, SEND_MESSAGES, EMBED_LINKS, ATTACH_FILES = 1 << 10, 1 << 11, 1 << 14, 1 << 15
READ_HISTORY, SEND_POLLS, ADMINISTRATOR = 1 << 16, 1 << 49, 1 << 3
ALL_NEEDED = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS | ATTACH_FILES | READ_HISTORY | SEND_POLLS

CREATE = "POST /channels/{}/messages"
HISTORY = "GET /channels/{}/messages"
MESSAGE = "GET /channels/{}/messages/{}"
EDIT = "PATCH /channels/{}/messages/{}"
CROSSPOST = "POST /channels/{}/messages/{}/crosspost"
ME = "GET /users/@me"
DIRECT = "POST /users/@me/channels"

HTML = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"


@dataclass(frozen=True)
class Fault:
    """One way to fail. `after` accepts the request first; `drop` closes the connection; `hang` never answers; `wait`
    answers after so many seconds, and correctly if no status is given."""

    status: int = 0
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    drop: bool = False
    hang: bool = False
    wait: float = 0.0
    gate: threading.Event | None = None
    """Accepted, and answered once this is set."""
    content_type: str = "application/json"
    pieces: int = 0
    """The body is sent so many times, without a Content-Length."""


def error(status: int, code: int, message: str, **more: object) -> Fault:
    """An error in Discord's format: a JSON object with a code and a message."""
    return Fault(status, {"message": message, "code": code, **more})


def rate_limited(seconds: float, *, via: bool = True, everywhere: bool = False) -> Fault:
    """429 as Discord sends it, or without `Via`, as Cloudflare sends it to a banned address."""
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": everywhere}
    scope = {"X-RateLimit-Scope": "global" if everywhere else "user", "Retry-After": str(int(seconds) or 1)}
    scope |= {"X-RateLimit-Global": "true"} if everywhere else {}
    return Fault(429, body, scope | ({"Via": "1.1 google"} if via else {}))


@dataclass(frozen=True)
class File:
    filename: str
    content: bytes


@dataclass
class Channel:
    id: int
    guild: int
    type: int = TEXT
    name: str = "general"
    overwrites: list[dict[str, str | int]] = field(default_factory=list)


@dataclass
class Guild:
    id: int
    owner: int = 1
    roles: dict[int, int] = field(default_factory=dict)
    member_roles: list[int] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, status: int, code: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.fault = error(status, code, message, **more)


class DiscordPeer:
    """`with DiscordPeer() as peer:` serves on `peer.url` until the block ends."""

    def __init__(
        self,
        *,
        port: int = 0,
        per_second: int = 0,
        bucket: tuple[int, float] = (5, 5.0),
        recording: bool = True,
        nonce_window: float = 300.0,
    ) -> None:
        self.port, self.per_second, self.bucket, self.recording = port, per_second, bucket, recording
        self.nonce_window = nonce_window
        self.offset = timedelta()
        """The difference between this Discord's clock and the machine's."""
        self.requests: list[Recorded] = []
        self.messages: list[dict[str, Any]] = []
        """The ledger: every accepted message, oldest first, as Discord would show it, with the other data sent."""
        self.edits: list[dict[str, Any]] = []
        self.crossposts: list[str] = []
        self.deleted: set[str] = set()
        self.limited = 0
        self.streamed = 0
        """Bytes sent of the last long response."""
        self.token = TOKEN
        """The valid token."""
        self.broken: list[Exception] = []
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.direct: dict[int, int] = {}
        """Member to the channel of their direct messages, once it is open."""
        self.shut: set[int] = set()
        """Members whose direct messages are closed to the bot."""
        self.turned_away_direct = 0
        """Number of messages to those."""
        self.armed: list[tuple[str, int | None, Fault]] = []
        self._nonces: dict[str, tuple[float, dict[str, Any]]] = {}
        self._seen: deque[float] = deque()
        self._windows: dict[str, tuple[float, int]] = {}
        self._last_id = 0
        self._started = threading.Event()

    # --- what a test arranges -----------------------------------------------------------------------------------

    def guild(self, id: int = 100, permissions: int = ALL_NEEDED) -> Guild:
        """A server whose @everyone role has these permissions."""
        self.guilds[id] = Guild(id, roles={id: permissions})
        return self.guilds[id]

    def channel(self, id: int, *, guild: int = 100, type: int = TEXT, deny: int = 0) -> Channel:
        """A channel; `deny` removes permissions from @everyone in it."""
        if guild not in self.guilds:
            self.guild(guild)
        overwrites: list[dict[str, str | int]] = [{"id": str(guild), "type": 0, "allow": "0", "deny": str(deny)}]
        self.channels[id] = Channel(id, guild, type, f"channel-{id}", overwrites if deny else [])
        return self.channels[id]

    def fail(self, *faults: Fault, on: str = CREATE, channel: int | None = None, times: int = 1) -> None:
        """The next requests to this route (and channel) fail with these faults, in order."""
        self.armed += [(on, channel, fault) for fault in faults for _ in range(times)]

    def vote(self, message_id: str, *votes: int, closed: bool = True) -> None:
        """Add votes to a poll and, with `closed`, close it."""
        poll = next(m for m in self.messages if m["id"] == message_id)["poll"]
        counts = [{"id": n + 1, "count": count, "me_voted": False} for n, count in enumerate(votes)]
        poll["results"] = {"is_finalized": closed, "answer_counts": counts}

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def delete(self, message_id: str) -> None:
        self.deleted.add(message_id)

    def in_channel(self, channel: int) -> list[dict[str, Any]]:
        """The ledger of one channel."""
        return [m for m in self.messages if m["channel_id"] == str(channel) and m["id"] not in self.deleted]

    # --- life ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> DiscordPeer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(120), "the local Discord did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(120)
        assert not self.broken, f"the local Discord itself broke: {self.broken!r}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        assert runner.addresses, "no address"
        self.port = runner.addresses[0][1]
        self._started.set()
        await self._over.wait()
        await runner.cleanup()

    def application(self) -> web.Application:
        """The routes; the gateway adds its own."""
        app = web.Application(client_max_size=32 * 2**20)
        for route, answer in self.routes().items():
            method, path = route.split(" ")
            names = iter(("channel", "message") if "/channels" in path else ("guild", "user"))
            path = re.sub(r"\{\}", lambda _: "{" + next(names) + "}", path)  # noqa: B023
            app.router.add_route(method, "/api/v10" + path, self._door(route, answer))
        return app

    def routes(self) -> dict[str, Callable[[web.Request, Any], Any]]:
        """Route to its handler: (request, decoded body) -> JSON."""
        return {
            ME: lambda *_: self._bot(),
            "GET /oauth2/applications/@me": lambda *_: self._application(),
            DIRECT: self._direct,
            "GET /channels/{}": lambda request, _: self._show_channel(self._channel(request)),
            "GET /guilds/{}": lambda request, _: self._show_guild(self._guild(request)),
            "GET /guilds/{}/members/{}": lambda request, _: self._show_member(self._guild(request)),
            CREATE: self._create,
            HISTORY: self._history,
            MESSAGE: lambda request, _: shown(self._message(request)),
            EDIT: self._edit,
            CROSSPOST: self._crosspost,
        }

    def _door(self, route: str, answer: Callable[[web.Request, Any], Any]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            if self.recording:
                target = request.path_qs.removeprefix("/api/v10")
                recorded = Recorded(request.method, target, dict(request.headers), body)
                self.requests.append(recorded)
                JUDGE.hear("discord", recorded)
            fault = self._fault(route, request) or self._limit()
            if fault and not fault.after:
                return await self._fail(request, fault)
            try:
                self._authorise(request)
                result = answer(request, decoded(request.headers.get("Content-Type", ""), body))
            except Refusal as refusal:
                return await self._fail(request, refusal.fault)
            except Exception as broken:
                self.broken.append(broken)
                raise
            if fault and (fault.status or fault.drop or fault.hang):
                return await self._fail(request, fault)
            await asyncio.sleep(fault.wait if fault else 0)
            if fault and fault.gate:
                await asyncio.to_thread(fault.gate.wait, 60)
            # discord.py decodes a body of exactly this type, without a charset.
            headers = {"Content-Type": "application/json", "Date": self._date()} | self._bucket_headers(route, request)
            return web.Response(body=json.dumps(result).encode(), headers=headers)

        return handle

    # --- failing --------------------------------------------------------------------------------------------------

    def _fault(self, route: str, request: web.Request) -> Fault | None:
        for index, (on, channel, fault) in enumerate(self.armed):
            if on == route and channel in (None, int(request.match_info.get("channel", 0))):
                del self.armed[index]
                return fault
        return None

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.hang:
            await self._over.wait()
        await asyncio.sleep(fault.wait)
        if fault.drop:
            assert request.transport
            request.transport.abort()
            return web.Response()
        body = fault.body if isinstance(fault.body, str | bytes) else json.dumps(fault.body)
        headers = {"Content-Type": fault.content_type, "Date": self._date()} | fault.headers
        content = body.encode() if isinstance(body, str) else body
        if fault.pieces:
            return await self._stream(request, fault, content, headers)
        return web.Response(body=content, status=fault.status, headers=headers)

    async def _stream(
        self, request: web.Request, fault: Fault, piece: bytes, headers: dict[str, str]
    ) -> web.StreamResponse:
        answer = web.StreamResponse(status=fault.status, headers=headers)
        await answer.prepare(request)
        self.streamed = 0
        with suppress(ConnectionError):
            for _ in range(fault.pieces):
                await answer.write(piece)
                self.streamed += len(piece)
        return answer

    def _limit(self) -> Fault | None:
        """At most `per_second` requests in any second, as topics/rate-limits says of the global limit."""
        now = time.monotonic()
        while self._seen and now - self._seen[0] >= 1.0:
            self._seen.popleft()
        if self.per_second and len(self._seen) >= self.per_second:
            self.limited += 1
            return rate_limited(round(1.0 - (now - self._seen[0]), 3), everywhere=True)
        self._seen.append(now)
        return None

    def _bucket_headers(self, route: str, request: web.Request) -> dict[str, str]:
        if route != CREATE:
            return {}
        limit, seconds = self.bucket
        key, now = request.match_info["channel"], time.monotonic()
        opened, used = self._windows.get(key, (now, 0))
        if now - opened >= seconds:
            opened, used = now, 0
        self._windows[key] = opened, used + 1
        left = {"Remaining": str(max(0, limit - used - 1)), "Reset-After": f"{opened + seconds - now:.3f}"}
        reset = {
            "Limit": str(limit),
            "Reset": f"{self.now().timestamp() + opened + seconds - now:.3f}",
            "Bucket": "80c17d2f203122d9",
        }
        return {f"X-RateLimit-{k}": v for k, v in (left | reset).items()}

    # --- who may do what --------------------------------------------------------------------------------------------

    def _authorise(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bot {self.token}":
            raise Refusal(401, 0, "401: Unauthorized")

    def permissions(self, channel: Channel) -> int:
        """The bot's permissions in a channel: topics/permissions, "permission overwrites"."""
        if channel.type == DM:
            return -1
        guild = self.guilds[channel.guild]
        held = guild.roles[guild.id]
        for role in guild.member_roles:
            held |= guild.roles[role]
        if held & ADMINISTRATOR or guild.owner == BOT:
            return -1
        rows = {int(row["id"]): row for row in channel.overwrites}
        roles = [rows[r] for r in guild.member_roles if r in rows]
        for layer in ([rows[guild.id]] if guild.id in rows else [], roles, [rows[BOT]] if BOT in rows else []):
            for row in layer:
                held &= ~int(row["deny"])
            for row in layer:
                held |= int(row["allow"])
        return held

    def _need(self, channel: Channel, wanted: int) -> None:
        held = self.permissions(channel)
        if not held & VIEW_CHANNEL:
            raise Refusal(403, 50001, "Missing Access")
        if held & wanted != wanted:
            raise Refusal(403, 50013, "Missing Permissions")

    def _channel(self, request: web.Request) -> Channel:
        channel = self.channels.get(int(request.match_info["channel"]))
        if channel is None:
            raise Refusal(404, 10003, "Unknown Channel")
        self._need(channel, VIEW_CHANNEL)
        return channel

    def _guild(self, request: web.Request) -> Guild:
        guild = self.guilds.get(int(request.match_info["guild"]))
        if guild is None:
            raise Refusal(404, 10004, "Unknown Guild")
        return guild

    def _message(self, request: web.Request) -> dict[str, Any]:
        channel = self._channel(request)
        for message in self.in_channel(channel.id):
            if message["id"] == request.match_info["message"]:
                return message
        raise Refusal(404, 10008, "Unknown Message")

    def _direct(self, _: web.Request, body: tuple[dict[str, Any], list[File]]) -> dict[str, Any]:
        """resources/user, Create DM: the existing channel, or a new one."""
        member = int(body[0]["recipient_id"])
        if member not in self.direct:
            self.direct[member] = int(self._snowflake())
            self.channels[self.direct[member]] = Channel(self.direct[member], 0, DM, str(member))
        return self._show_channel(self.channels[self.direct[member]])

    # --- messages ---------------------------------------------------------------------------------------------------

    def _create(self, request: web.Request, body: tuple[dict[str, Any], list[File]]) -> dict[str, Any]:
        channel, (payload, files) = self._channel(request), body
        if channel.id in {self.direct.get(member) for member in self.shut}:
            self.turned_away_direct += 1
            raise Refusal(403, 50007, "Cannot send messages to this user")
        self._need(channel, needed(payload, files))
        check(payload, files)
        nonce = payload.get("nonce")
        if nonce and payload.get("enforce_nonce"):
            at, kept = self._nonces.get(nonce, (-1e9, {}))
            if time.monotonic() - at < self.nonce_window:
                if kept["id"] in self.deleted:
                    raise Refusal(404, 10008, "Unknown Message")
                return shown(kept, nonce)
        message = self._new(channel, payload, files)
        if nonce:
            self._nonces[nonce] = time.monotonic(), message
        self.messages.append(message)
        return shown(message, nonce)

    def _new(self, channel: Channel, payload: dict[str, Any], files: list[File]) -> dict[str, Any]:
        now = self.now()
        message: dict[str, Any] = {
            "id": self._snowflake(),
            "channel_id": str(channel.id),
            "type": 0,
            "author": self._bot(),
            "content": (payload.get("content") or "").strip(),
            "timestamp": now.isoformat(),
            "edited_timestamp": None,
            "embeds": [{"type": "rich", **embed} for embed in payload.get("embeds") or []],
            "attachments": self._attachments(payload, files),
            "flags": 0,
            "files": [len(file.content) for file in files],
            "sent_nonce": payload.get("nonce"),
            "sent_mentions": payload.get("allowed_mentions"),
            **dict.fromkeys(("tts", "mention_everyone", "pinned"), False),
            **{k: [] for k in ("mentions", "mention_roles", "components")},
        }
        if poll := payload.get("poll"):
            answers = [{"answer_id": n + 1, **answer} for n, answer in enumerate(poll["answers"])]
            message["poll"] = {
                **poll,
                "answers": answers,
                "expiry": (now + timedelta(hours=poll["duration"])).isoformat(),
            }
            message["poll"]["results"] = {"is_finalized": False, "answer_counts": []}
        return message

    def _attachments(self, payload: dict[str, Any], files: list[File]) -> list[dict[str, Any]]:
        shown_files = []
        for described, file in zip(payload.get("attachments", []), files, strict=True):
            id = self._snowflake()
            url = f"https://cdn.discordapp.com/attachments/1/{id}/{file.filename}"
            entry = {"id": id, "filename": file.filename, "size": 1, "url": url, "proxy_url": url}
            shown_files.append(entry | {k: described[k] for k in ("description",) if k in described})
        return shown_files

    def _history(self, request: web.Request, _: object) -> list[dict[str, Any]]:
        channel = self._channel(request)
        if not self.permissions(channel) & READ_HISTORY:
            return []  # resources/message, Get Channel Messages: "no messages will be returned"
        query = request.query
        rows = self.in_channel(channel.id)[::-1]
        rows = [m for m in rows if int(m["id"]) < int(query.get("before", 2**63))]
        rows = [m for m in rows if int(m["id"]) > int(query.get("after", 0))]
        limit = int(query.get("limit", 50))
        return [shown(m) for m in (rows[-limit:] if "after" in query else rows[:limit])]

    def _edit(self, request: web.Request, body: tuple[dict[str, Any], list[File]]) -> dict[str, Any]:
        message, (payload, files) = self._message(request), body
        if message["author"]["id"] != str(BOT):
            raise Refusal(403, 50005, "Cannot edit a message authored by another user")
        if "poll" in payload or "poll" in message:
            raise Refusal(400, 50035, "Invalid Form Body")
        check({k: v for k, v in payload.items() if k != "attachments"}, files, edit=True)
        if "content" in payload:
            message["content"] = payload["content"] or ""
        if "embeds" in payload:
            message["embeds"] = [{"type": "rich", **embed} for embed in payload["embeds"] or []]
        if "attachments" in payload:  # v10: what is not listed is taken off
            listed = {str(entry["id"]) for entry in payload["attachments"]}
            new = [entry for entry in payload["attachments"] if "filename" in entry]
            kept = [a for a in message["attachments"] if a["id"] in listed]
            message["attachments"] = kept + self._attachments({"attachments": new}, files)
        message["edited_timestamp"] = self.now().isoformat()
        self.edits.append({"id": message["id"], **payload})
        return shown(message)

    def _crosspost(self, request: web.Request, _: object) -> dict[str, Any]:
        message = self._message(request)
        if self.channels[int(message["channel_id"])].type != NEWS:
            raise Refusal(400, 50024, "Cannot execute action on this channel type")
        if message["id"] in self.crossposts:
            raise Refusal(400, 40033, "This message has already been crossposted.")
        self.crossposts.append(message["id"])
        message["flags"] |= 1
        return shown(message)

    # --- what things look like ----------------------------------------------------------------------------------------

    def _date(self) -> str:
        return format_datetime(self.now(), usegmt=True)

    def _snowflake(self) -> str:
        self._last_id = max(self._last_id + 1, (int(self.now().timestamp() * 1000) - DISCORD_EPOCH_MS) << 22)
        return str(self._last_id)

    def _bot(self) -> dict[str, Any]:
        names = {"username": "footfall", "global_name": None, "discriminator": "0", "avatar": None}
        return {"id": str(BOT), "bot": True, **names}

    def _application(self) -> dict[str, Any]:
        words = {"name": "footfall", "description": "", "icon": None, "verify_key": "0" * 64, "flags": 0}
        return {"id": str(BOT), "bot_public": True, "bot_require_code_grant": False, "owner": self._bot(), **words}

    def _show_channel(self, channel: Channel) -> dict[str, Any]:
        if channel.type == DM:
            named = {"id": channel.name, "username": "ann", "discriminator": "0", "avatar": None}
            return {"id": str(channel.id), "type": DM, "recipients": [named], "last_message_id": None}
        row = {"id": str(channel.id), "guild_id": str(channel.guild), "type": channel.type, "name": channel.name}
        return row | {"position": 0, "permission_overwrites": channel.overwrites, "nsfw": False, "parent_id": None}

    def _show_guild(self, guild: Guild) -> dict[str, Any]:
        roles = [
            {"id": str(id), "name": f"role-{id}", "permissions": str(held), "color": 0, "hoist": False, "position": n}
            | {"managed": False, "mentionable": False, "flags": 0, "colors": {"primary_color": 0}}
            for n, (id, held) in enumerate(guild.roles.items())
        ]
        levels = dict.fromkeys(("verification_level", "default_message_notifications", "explicit_content_filter"), 0)
        levels |= dict.fromkeys(("mfa_level", "premium_tier", "nsfw_level", "system_channel_flags", "afk_timeout"), 0)
        row = {"id": str(guild.id), "name": f"guild-{guild.id}", "owner_id": str(guild.owner), "roles": roles}
        return row | levels | {"emojis": [], "stickers": [], "features": [], "preferred_locale": "en-US"}

    def _show_member(self, guild: Guild) -> dict[str, Any]:
        joined = {"joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0, "nick": None}
        return {"user": self._bot(), "roles": [str(role) for role in guild.member_roles], **joined}


def decoded(content_type: str, body: bytes) -> tuple[dict[str, Any], list[File]]:
    """The JSON of a request and its files."""
    if not content_type.startswith("multipart/"):
        return (json.loads(body) if body else {}), []
    payload: dict[str, Any] = {}
    files = []
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    for piece in body.split(b"--" + boundary)[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        if b'name="payload_json"' in head:
            payload = json.loads(content)
        else:
            named = re.search(rb'filename="([^"]*)"', head)
            files.append(File(named[1].decode() if named else "", content.removesuffix(b"\r\n")))
    return payload, files


def shown(message: dict[str, Any], nonce: str | None = None) -> dict[str, Any]:
    """A message as the API shows it: the nonce only in the response to its creation."""
    row = {k: v for k, v in message.items() if k not in ("files", "sent_nonce", "sent_mentions")}
    return row | ({"nonce": nonce} if nonce else {})


def needed(payload: dict[str, Any], files: list[File]) -> int:
    """The permissions that sending this needs."""
    wanted = SEND_MESSAGES | (EMBED_LINKS if payload.get("embeds") else 0)
    return wanted | (ATTACH_FILES if files else 0) | (SEND_POLLS if payload.get("poll") else 0)


KEYS = {"content", "embeds", "nonce", "enforce_nonce", "tts", "allowed_mentions", "attachments", "poll", "components"}
EMBED_KEYS = {"title", "description", "url", "color", "fields", "footer", "author", "type", "timestamp", "flags"}


def check(payload: dict[str, Any], files: list[File], *, edit: bool = False) -> None:
    """Raises Discord's 400 for a message beyond its limits."""
    wrong = [*overlong(payload), *(f"{k}: unknown" for k in set(payload) - KEYS)]
    embeds, poll = payload.get("embeds") or [], payload.get("poll")
    wrong += [f"embeds: unknown {k}" for embed in embeds for k in set(embed) - EMBED_KEYS]
    if len(embeds) > 10 or sum(embed_length(embed) for embed in embeds) > 6000:
        wrong.append("embeds: too many or above 6000 in total")
    if poll and embeds:
        wrong.append("poll: not with embeds")
    if poll and not (1 <= len(poll["answers"]) <= 10 and 1 <= poll["duration"] <= 768):
        wrong.append("poll: answers or duration")
    if any(len(file.content) > 10 * 2**20 for file in files):
        raise Refusal(413, 40005, "Request entity too large")
    if wrong:
        entries = [{"code": "INVALID", "message": text} for text in wrong]
        raise Refusal(400, 50035, "Invalid Form Body", errors={"body": {"_errors": entries}})
    if not (edit or (payload.get("content") or "").strip() or embeds or poll or files):
        raise Refusal(400, 50006, "Cannot send an empty message")


def overlong(payload: dict[str, Any]) -> Iterator[str]:
    """Texts above their limits, in code points."""
    rows: list[tuple[str, object, int]] = [
        ("content", payload.get("content"), 2000),
        ("nonce", payload.get("nonce"), 25),
    ]
    rows += [("attachments", entry.get("description"), 1024) for entry in payload.get("attachments") or []]
    for embed in payload.get("embeds") or []:
        rows += [("title", embed.get("title"), 256), ("description", embed.get("description"), 4096)]
        rows += [
            ("footer", embed.get("footer", {}).get("text"), 2048),
            ("author", embed.get("author", {}).get("name"), 256),
        ]
        rows += [("fields", "x" * len(embed.get("fields", [])), 25)]
        for entry in embed.get("fields", []):
            rows += [("name", entry["name"], 256), ("value", entry["value"], 1024)]
    if poll := payload.get("poll"):
        rows += [("question", poll["question"]["text"], 300)]
        rows += [("answer", answer["poll_media"]["text"], 55) for answer in poll["answers"]]
    return (
        f"{name}: Must be {limit} or fewer in length." for name, text, limit in rows if len(str(text or "")) > limit
    )


def embed_length(embed: dict[str, Any]) -> int:
    texts = [embed.get("title"), embed.get("description"), embed.get("footer", {}).get("text")]
    texts += [embed.get("author", {}).get("name")]
    texts += [text for entry in embed.get("fields", []) for text in (entry["name"], entry["value"])]
    return sum(len((text or "").strip()) for text in texts)


@contextmanager
def closed_port() -> Iterator[str]:
    """The URL of a Discord that refuses connections."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/api/v10"
