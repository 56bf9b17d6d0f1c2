"""Discord's gateway and the routes of interactions, added to `DiscordPeer`, for a bot with slash commands.

It stores every event of a session, replays what a resuming client missed, enforces the deadline of a first response and
can close, invalidate and refuse. Sources: github.com/discord/discord-api-docs, pages topics/gateway,
topics/opcodes-and-status-codes, interactions/receiving-and-responding.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.patience import PATIENCE
from tests.peers.discord_api import BOT, DISCORD_EPOCH_MS, DiscordPeer, Refusal

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
COMMAND, COMPONENT, AUTOCOMPLETE = 2, 3, 4
MESSAGE, DEFERRED, DEFERRED_UPDATE = 4, 5, 6
DEADLINE = 3.0
SYNC, CALLBACK = "PUT /applications/{}/commands", "POST /interactions/{}/{}/callback"
ORIGINAL, FOLLOW_UP = "PATCH original", "POST /webhooks/{}/{}"


@dataclass
class Asked:
    """One interaction and its responses."""

    token: str
    at: float
    first: dict[str, Any] | None = None
    """The body of the first response."""
    took: float = 0.0
    """Seconds until it came."""
    message: dict[str, Any] | None = None
    """The final message."""
    files: int = 0
    further: list[dict[str, Any]] = field(default_factory=list)
    """Follow-up messages."""
    ended: float = 0.0
    """When that message was complete."""
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def message_id(self) -> str:
        """The id of the final message; it differs for each interaction."""
        return str(900 + int(self.token.removeprefix("token")))


@dataclass
class Session:
    """A session that a client may resume."""

    id: str
    events: list[dict[str, Any]] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None


class DiscordGateway(DiscordPeer):
    """`with DiscordGateway() as peer:` serves REST on `peer.url` and the gateway on `peer.gateway`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.identified: list[dict[str, Any]] = []
        self.resumed: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        """The registered commands."""
        self.synced: list[list[dict[str, Any]]] = []
        self.asked: dict[str, Asked] = {}
        self.closed_to_gateways = False
        self.turned_away = 0
        self.deadline = PATIENCE
        """Seconds for the first response to an interaction. Discord's limit is `DEADLINE`; a machine that runs tests
        may need longer."""
        self.sessions: list[Session] = []
        self.servers = 1
        self._ready = threading.Condition()
        self._numbers = 0

    @property
    def gateway(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gw/"

    # --- what a test does -----------------------------------------------------------------------------------------

    def press(self, button: str, *, user: int = 5, asker: int | None = None) -> Asked:
        """A member presses a button under an answer for themselves or for another member."""
        return self.ask("", user=user, kind=COMPONENT, asker=asker, custom_id=button)

    def ask(
        self,
        name: str,
        /,
        *,
        user: int = 5,
        kind: int = COMMAND,
        focused: str = "",
        locale: str = "en-US",
        asker: int | None = None,
        **options: object,
    ) -> Asked:
        """A member sends a command; the interaction reaches the bot at once or when it resumes. With `AUTOCOMPLETE`, it
        is for the option `focused`."""
        self._numbers += 1
        result = Asked(f"token{self._numbers}", time.monotonic())
        self.asked[result.token] = result
        number = (int(time.time() * 1000) - DISCORD_EPOCH_MS << 22) + self._numbers
        types = {str: 3, int: 4, bool: 5}
        given = [
            {"name": key, "type": types[type(value)], "value": value, **({"focused": True} if key == focused else {})}
            for key, value in options.items()
        ]
        event = {
            "id": str(number),
            "application_id": str(BOT),
            "type": kind,
            "token": result.token,
            "version": 1,
            "attachment_size_limit": 10 * 2**20,
            "data": {"id": "77", "name": name, "type": 1, "options": given},
            "user": {"id": str(user), "username": "ann", "discriminator": "0", "avatar": None, "global_name": None},
            "channel_id": "300",
            "channel": {"id": "300", "type": 1, "recipients": []},
            "entitlements": [],
            "authorizing_integration_owners": {"1": str(user)},
            "context": 1,
            "locale": locale,
            "app_permissions": "0",
        }
        if kind == COMPONENT:
            theirs = event["user"] if asker is None else {**event["user"], "id": str(asker)}
            origin = {"id": "1", "type": COMMAND, "user": theirs, "authorizing_integration_owners": {}}
            pressed = {"type": 2, "style": 1, "label": "Again", **options}
            rows = [{"type": 1, "components": [pressed]}]
            event["message"] = {**self._said(), "components": rows, "interaction_metadata": origin}
            event["data"] = {**options, "component_type": 2}
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._dispatch("INTERACTION_CREATE", event)))
        return result

    def until(self, wanted: Any, seconds: float = PATIENCE) -> None:
        """Wait until a condition holds; checked when a client sends something, and now and then."""
        ends = time.monotonic() + seconds
        with self._ready:
            while not self._ready.wait_for(wanted, 0.05):  # not all that is asked about wakes us
                assert time.monotonic() < ends, "it did not come to that in time"

    def happens(self, name: str, what: dict[str, Any]) -> None:
        """Send an event to the bot."""
        asyncio.run_coroutine_threadsafe(self._dispatch(name, what), self._loop).result(120)

    def server(self, id: int) -> dict[str, Any]:
        """A server in the gateway's format for a bot that is its member."""
        channels = [self._show_channel(channel) for channel in self.channels.values() if channel.guild == id]
        lists = {
            key: [] for key in ("threads", "presences", "voice_states", "stage_instances", "guild_scheduled_events")
        }
        me = {**self._show_member(self.guilds[id]), "user": self._bot()}
        row = {**self._show_guild(self.guilds[id]), "channels": channels, "members": [me], "member_count": 2}
        return {**row, **lists, "large": False, "unavailable": False, "joined_at": "2026-01-01T00:00:00+00:00"}

    def cut(self, code: int = 4000) -> None:
        """Close the client's connection with a code."""
        self._do(lambda socket: socket.close(code=code))

    def tell(self, operation: int, what: object = None) -> None:
        """Send an operation, such as `RECONNECT` or `INVALID`."""
        self._do(lambda socket: socket.send_json({"op": operation, "d": what}))

    def send(self, frame: str | bytes) -> None:
        """Send a raw frame."""
        self._do(lambda socket: socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))

    def _do(self, act: Any) -> None:
        async def go() -> None:
            for session in self.sessions:
                if session.socket and not session.socket.closed:
                    with suppress(ConnectionError):  # it has just gone, which a client may do
                        await act(session.socket)

        asyncio.run_coroutine_threadsafe(go(), self._loop).result(120)

    # --- routes ---------------------------------------------------------------------------------------------------

    def application(self) -> web.Application:
        app = super().application()
        base = "/api/v10"
        app.router.add_put(f"{base}/applications/{{id}}/commands", self._door(SYNC, self._sync))
        app.router.add_get(f"{base}/applications/{{id}}/commands", self._door("GET commands", self._registered))
        app.router.add_post(f"{base}/interactions/{{id}}/{{token}}/callback", self._door(CALLBACK, self._callback))
        hook = f"{base}/webhooks/{{id}}/{{token}}"
        app.router.add_patch(f"{hook}/messages/@original", self._door(ORIGINAL, self._final))
        app.router.add_post(hook, self._door(FOLLOW_UP, self._further))
        app.router.add_get(f"{base}/gateway/bot", self._door("GET /gateway/bot", self._advice))
        app.router.add_get("/gw/", self._socket)
        return app

    def _authorise(self, request: web.Request) -> None:
        if "token" not in request.match_info:  # an interaction's own token is its authorisation
            super()._authorise(request)

    def _application(self) -> dict[str, Any]:
        return {**super()._application(), "approximate_guild_count": self.servers}

    def _advice(self, *_: object) -> dict[str, Any]:
        limit = {"total": 1000, "remaining": 999, "reset_after": 1000, "max_concurrency": 1}
        return {"url": self.gateway, "shards": 2 if self.servers >= 1000 else 1, "session_start_limit": limit}

    def _sync(self, _: web.Request, body: tuple[Any, list[Any]]) -> list[dict[str, Any]]:
        self.synced.append(body[0])
        entries = {"application_id": str(BOT), "version": "1", "default_member_permissions": None, "nsfw": False}
        self.commands = [{**entries, "id": str(700 + n), **command} for n, command in enumerate(body[0])]
        return self.commands

    def _registered(self, *_: object) -> list[dict[str, Any]]:
        return self.commands

    def _callback(self, request: web.Request, body: tuple[dict[str, Any], list[Any]]) -> dict[str, Any]:
        result = self.asked[request.match_info["token"]]
        with self._ready:
            self._ready.notify_all()
        if result.first is not None:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.")
        result.took = time.monotonic() - result.at
        if result.took > self.deadline:
            raise Refusal(404, 10062, "Unknown interaction")
        result.first = body[0]
        with self._ready:
            self._ready.notify_all()
        if body[0]["type"] not in (DEFERRED, DEFERRED_UPDATE):
            self._end(result, body[0].get("data") or {}, len(body[1]))
        document = {"id": request.match_info["id"], "type": 2, "response_message_id": result.message_id}
        return {
            "interaction": document,
            "resource": {"type": body[0]["type"], "message": self._said(result.message_id)},
        }

    def _final(self, request: web.Request, body: tuple[dict[str, Any], list[Any]]) -> dict[str, Any]:
        result = self.asked[request.match_info["token"]]
        if result.first is None:
            raise Refusal(404, 10015, "Unknown Webhook")
        self._end(result, body[0], len(body[1]))
        return self._said(result.message_id)

    def _further(self, request: web.Request, body: tuple[dict[str, Any], list[Any]]) -> dict[str, Any]:
        result = self.asked[request.match_info["token"]]
        result.further.append(body[0])
        result.done.set()
        return self._said()

    def _end(self, value: Asked, message: dict[str, Any], files: int) -> None:
        value.message, value.files, value.ended = message, files, time.monotonic()
        value.done.set()
        with self._ready:
            self._ready.notify_all()

    def _said(self, id: str = "900") -> dict[str, Any]:
        author = {"id": str(BOT), "username": "footfall", "discriminator": "0", "avatar": None, "bot": True}
        empty: dict[str, Any] = {
            key: [] for key in ("embeds", "attachments", "mentions", "mention_roles", "components")
        }
        now = "2026-01-01T00:00:00+00:00"
        return {
            **empty,
            "id": id,
            "channel_id": "300",
            "author": author,
            "content": "",
            "timestamp": now,
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "pinned": False,
            "type": 20,
            "flags": 0,
        }

    # --- the gateway ----------------------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.closed_to_gateways:
            self.turned_away += 1
            with self._ready:
                self._ready.notify_all()
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": 41250}})
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            await self._heard(socket, json.loads(frame.data))
            with self._ready:
                self._ready.notify_all()
        with self._ready:
            self._ready.notify_all()
        return socket

    async def _heard(self, socket: web.WebSocketResponse, document: dict[str, Any]) -> None:
        if document["op"] == HEARTBEAT:
            await socket.send_json({"op": ACK})
        elif document["op"] == IDENTIFY:
            self.identified.append(document["d"])
            session = Session(f"session{len(self.identified)}", socket=socket)
            self.sessions = [*(session for session in self.sessions if self.servers > 1), session]
            shard = document["d"].get("shard", [0, 1])
            ready = {"v": 10, "user": self._bot(), "guilds": [], "session_id": session.id, "shard": shard}
            ready |= {"resume_gateway_url": self.gateway, "application": {"id": str(BOT), "flags": 0}}
            await self._dispatch("READY", ready, session)
        elif document["op"] == RESUME:
            await self._resume(socket, document["d"])

    async def _resume(self, socket: web.WebSocketResponse, wanted: dict[str, Any]) -> None:
        session = next((session for session in self.sessions if session.id == wanted["session_id"]), None)
        if session is None:
            await socket.send_json({"op": INVALID, "d": False})
            return
        self.resumed.append(wanted)
        session.socket = socket
        for event in [event for event in session.events if event["s"] > wanted["seq"]]:
            await socket.send_json(event)
        await self._dispatch("RESUMED", {}, session)

    async def _dispatch(self, name: str, what: dict[str, Any], session: Session | None = None) -> None:
        session = session or self.sessions[0]
        event = {"op": DISPATCH, "t": name, "s": len(session.events) + 1, "d": what}
        session.events.append(event)
        if session.socket and not session.socket.closed:
            with suppress(ConnectionError):  # it has just gone; who resumes gets the event
                await session.socket.send_json(event)
