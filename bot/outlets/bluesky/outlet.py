"""The Bluesky outlet: posts, looks back and checks the app password, for one account."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from bot.outlets.bluesky.record import COLLECTION, find_refusals, make_record, record_key
from bot.outlets.bluesky.session import XrpcClient
from bot.outlets.bluesky.settings import BlueskySettings
from bot.outlets.http_calls import CallError, CallFailures, CallLostError, CallNotSentError, CallRefusedError
from bot.outlets.types import (
    AccountRefused,
    Found,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Part,
    Refused,
    RetryLater,
    Sent,
    clock_check,
    redact_reason,
)
from bot.records import CheckResult, Picture

_CURE = "create a new app password (Settings, Privacy and security) and set BLUESKY_APP_PASSWORD"
_ACCOUNT_KINDS = frozenset(
    {"AuthenticationRequired", "AuthFactorTokenRequired", "AccountTakedown", "AccountDeactivated", "AuthMissing"}
    | {"InvalidToken", "RepoTakendown", "RepoDeactivated", "AccountNotFound"}
)


def _is_account(error: CallRefusedError) -> bool:
    return error.status == 401 or error.kind in _ACCOUNT_KINDS


class BlueskyOutlet:
    """One account on Bluesky, ready to post."""

    def __init__(
        self, settings: BlueskySettings, wire: XrpcClient, password: SecretStr, clock: Callable[[], datetime]
    ) -> None:
        self._settings, self._wire, self._clock = settings, wire, clock
        self._failures = CallFailures("Bluesky", _CURE, (password,), _is_account)

    def post(self, part: Part, destination: str) -> Outcome:
        """Write the part's record, if there is none under its key."""
        if refusals := list(find_refusals(part)):
            return Refused(f"Bluesky: {'; '.join(refusals)}")
        creating = False
        try:
            blobs = [self._upload(picture) for picture in part.pictures]
            reply = self._reply_to(part.reply_to) if part.reply_to else None
            did = self._wire.session().did
            creating = True
            return self._write(part, did, blobs, reply)
        except CallRefusedError as error:
            if creating and error.kind == "InvalidSwap":
                return self._read_back(part)
            return self._outcome(error, creating)
        except (CallNotSentError, CallLostError) as error:
            return self._outcome(error, creating)

    def find(self, part: Part, destination: str) -> Found:
        """Read the record under the part's key."""
        key = record_key(part)
        try:
            record = self._record(key)["value"]
        except CallRefusedError as error:
            return NotFound() if error.kind == "RecordNotFound" else self._cannot_tell(error)
        except (CallNotSentError, CallLostError) as error:
            return self._cannot_tell(error)
        return Sent(key, self._url(key), age=self._age(record))

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        """Apps would go on showing the old text."""
        return Refused("Bluesky: posts cannot be edited")

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        """Open a session, or use the open one, and compare its account."""
        try:
            answer = self._wire.call("GET", "com.atproto.server.getSession").mapping()
        except (CallNotSentError, CallLostError, CallRefusedError) as error:
            failed = self._outcome(error, creating=False)
            assert not isinstance(failed, Sent)
            return [
                CheckResult("bluesky account", False if isinstance(failed, AccountRefused) else None, failed.reason)
            ]
        handle, wanted = redact_reason(str(answer.get("handle", ""))), self._settings.destinations[0]
        same = handle.lower() == wanted.lower()
        cure = f"set outlets.bluesky.destinations: [{handle}], or the app password of {wanted}"
        return [
            CheckResult("bluesky account", same, f"posts as {handle}", cure),
            clock_check("bluesky clock", "Bluesky", self.clock_offset()),
        ]

    def platform_time(self) -> datetime | None:
        """The server's time, if it has answered; a look-back needs none, because it reads one record."""
        return self._wire.time.now()

    def clock_offset(self) -> timedelta | None:
        return self._wire.time.offset(self._clock())

    def close(self) -> None:
        self._wire.close()

    def _upload(self, picture: Picture) -> Mapping[str, Any]:
        """Store a picture; it is deleted again if no record names it."""
        kind = "image/png" if picture.content.startswith(b"\x89PNG") else "image/jpeg"
        answer = self._wire.call(
            "POST", "com.atproto.repo.uploadBlob", headers={"Content-Type": kind}, content=picture.content
        )
        blob = answer.mapping().get("blob")
        if not isinstance(blob, dict):
            raise CallLostError("an answer without the picture")
        return blob

    def _write(self, part: Part, did: str, blobs: list[Mapping[str, Any]], reply: Mapping[str, Any] | None) -> Outcome:
        key = record_key(part)
        record = make_record(part, self._wire.time.now() or self._clock(), self._settings.locale, blobs, reply)
        body = {"repo": did, "collection": COLLECTION, "rkey": key, "record": record, "swapRecord": None}
        answer = self._wire.call("POST", "com.atproto.repo.putRecord", json=body).mapping()
        if answer.get("uri") != f"at://{did}/{COLLECTION}/{key}":
            return OutcomeUnknown("Bluesky: an answer without the post's address")
        return Sent(key, self._url(key))

    def _read_back(self, part: Part) -> Outcome:
        """The outcome where a record is there already."""
        existing = self.find(part, "")
        return existing if isinstance(existing, Sent) else OutcomeUnknown("Bluesky: it is there and could not be read")

    def _reply_to(self, key: str) -> dict[str, Any]:
        """The post that is replied to, and the first one of its thread."""
        record = self._record(key)
        parent = {name: record.get(name) for name in ("uri", "cid")}
        if not all(isinstance(value, str) for value in parent.values()):
            raise CallLostError("a post without its address")
        before = record["value"].get("reply")
        root = before.get("root") if isinstance(before, dict) else None
        return {"root": root or parent, "parent": parent}

    def _record(self, key: str) -> Mapping[str, Any]:
        """The record under a key, with its address."""
        where = {"repo": self._wire.session().did, "collection": COLLECTION, "rkey": key}
        record = self._wire.call("GET", "com.atproto.repo.getRecord", params=where).mapping()
        if not isinstance(record.get("value"), dict):
            raise CallLostError("an answer without the record")
        return record

    def _age(self, record: Mapping[str, Any]) -> timedelta:
        now = self._wire.time.now()
        try:
            at = datetime.fromisoformat(str(record.get("createdAt")))
        except ValueError:
            return timedelta()
        return max(timedelta(), now - at) if now and at.tzinfo else timedelta()

    def _url(self, key: str) -> str:
        return f"https://bsky.app/profile/{self._wire.session().did}/post/{key}"

    def _outcome(self, error: CallError, creating: bool) -> Outcome:
        return self._failures.outcome(error, self._clock(), creating=creating, more=self._wire.known_tokens())

    def _cannot_tell(self, error: CallError) -> LookupInconclusive:
        failed = self._failures.outcome(error, self._clock(), creating=False, more=self._wire.known_tokens())
        if isinstance(failed, RetryLater):
            return LookupInconclusive(failed.reason, failed.not_before)
        again = self._clock() + timedelta(minutes=15) if isinstance(failed, AccountRefused) else None
        return LookupInconclusive(failed.reason, again)
