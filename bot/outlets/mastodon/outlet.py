"""The Mastodon outlet: posts, looks back, edits, reads polls and checks the token, for one account."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from bot.outlets.http_calls import (
    PAUSE,
    Answer,
    CallError,
    CallFailures,
    CallLostError,
    CallNotSentError,
    CallRefusedError,
    HttpCaller,
)
from bot.outlets.mastodon import text as texts
from bot.outlets.mastodon.settings import MastodonSettings
from bot.outlets.types import (
    LEEWAY,
    AccountRefused,
    Found,
    LookupInconclusive,
    NotFound,
    Outcome,
    Part,
    Refused,
    RetryLater,
    Sent,
    Votes,
    clock_check,
    redact_reason,
)
from bot.records import CheckResult, Picture

_PAGES, _PAGE = 5, 40
"""A look-back reads at most so many pages; methods/accounts, `limit`."""
_ADDRESS = re.compile(r"https?://\S{1,2000}")
_CURE = "create a new access token (Preferences, Development) and set MASTODON_TOKEN"


class PictureNotReadyError(CallNotSentError):
    """A picture that was uploaded cannot be posted yet."""


def _is_account(error: CallRefusedError) -> bool:
    """A token that is wrong, was revoked or lacks a scope, and an account that is disabled."""
    return error.status in (401, 403)


class MastodonOutlet:
    """One account on Mastodon, ready to post."""

    def __init__(
        self, settings: MastodonSettings, wire: HttpCaller, token: SecretStr, clock: Callable[[], datetime]
    ) -> None:
        self._settings, self._wire, self._token, self._clock = settings, wire, token, clock
        self._failures = CallFailures("Mastodon", _CURE, (token,), _is_account)
        self._account: str | None = None
        self._limit: int | None = None
        self._uploaded: dict[str, str] = {}
        """The ids of pictures that the server was given, by the marker of their part and their place."""

    def post(self, part: Part, destination: str) -> Outcome:
        """Publish a status; the same one if it is repeated within an hour."""
        creating = False
        try:
            if refusals := self._refusals(part):
                return Refused(f"Mastodon: {'; '.join(refusals)}")
            media = [self._media_id(part, number) for number in range(len(part.pictures))]
            body = {**self._status_body(part, media), "visibility": self._settings.visibility}
            creating = True
            answer = self._call("POST", "/api/v1/statuses", json=body, headers={"Idempotency-Key": part.marker})
            return self._sent(answer.mapping())
        except (CallNotSentError, CallLostError, CallRefusedError) as error:
            return self._outcome(error, creating)

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        """Replace the text of a status, and its pictures by those of the part."""
        if part.poll or not _is_id(platform_id):
            return Refused("Mastodon: a post with a poll cannot be edited without losing its votes")
        creating = False
        try:
            if refusals := self._refusals(part):
                return Refused(f"Mastodon: {'; '.join(refusals)}")
            media = [self._media_id(part, number) for number in range(len(part.pictures))]
            creating = True
            route = f"/api/v1/statuses/{platform_id}"
            return self._sent(self._call("PUT", route, json=self._status_body(part, media)).mapping())
        except (CallNotSentError, CallLostError, CallRefusedError) as error:
            return self._outcome(error, creating)

    def find(self, part: Part, destination: str) -> Found:
        """Search the account's own statuses for the part's words."""
        try:
            for row in self._statuses(part.since - LEEWAY if part.since else None):
                parent = row.get("in_reply_to_id")
                if parent == part.reply_to and texts.is_same_text(part.text, str(row.get("content", ""))):
                    return self._sent(row, found=True)
        except (CallNotSentError, CallLostError, CallRefusedError) as error:
            failed = self._outcome(error, creating=False)
            if isinstance(failed, RetryLater):
                return LookupInconclusive(failed.reason, failed.not_before)
            again = self._clock() + 15 * PAUSE if isinstance(failed, AccountRefused) else None
            return LookupInconclusive(getattr(failed, "reason", ""), again)
        return NotFound()

    def votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        """The votes of a status's poll."""
        if not _is_id(platform_id):
            return LookupInconclusive(f"Mastodon: {redact_reason(repr(platform_id))} is not the number of a post", None)
        try:
            poll = self._call("GET", f"/api/v1/statuses/{platform_id}").mapping().get("poll")
        except (CallNotSentError, CallLostError, CallRefusedError) as error:
            return LookupInconclusive(getattr(self._outcome(error, creating=False), "reason", ""), None)
        options = poll.get("options") if isinstance(poll, dict) else None
        rows = [row.get("votes_count") for row in options or () if isinstance(row, dict)]
        counts = tuple(count for count in rows if type(count) is int and count >= 0)
        if not counts or len(counts) < len(rows):
            return LookupInconclusive("Mastodon: the answer holds no poll with its votes", None)
        return Votes(counts, bool(isinstance(poll, dict) and poll.get("expired")))

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        """Whose the token is, and how long a post may be there."""
        wanted = next(iter(self._settings.destinations), "")
        try:
            answer, longest = self._call("GET", "/api/v1/accounts/verify_credentials").mapping(), self._longest()
        except (CallNotSentError, CallLostError, CallRefusedError) as error:
            failed = self._outcome(error, creating=False)
            known = False if isinstance(failed, AccountRefused) else None
            return [CheckResult("mastodon account", known, getattr(failed, "reason", ""))]
        user, chosen = redact_reason(str(answer.get("username", ""))), self._settings.characters
        return [
            CheckResult(
                "mastodon account",
                user.lower() == wanted.lower(),
                f"posts as {user}",
                f"set outlets.mastodon.destinations: [{user}], or the token of {wanted or 'the account that posts'}",
            ),
            CheckResult(
                "mastodon limit",
                chosen <= longest,
                f"posts have at most {chosen} characters; the server allows {longest}",
                f"set outlets.mastodon.characters: {longest}",
            ),
            clock_check("mastodon clock", "Mastodon", self.clock_offset()),
        ]

    def platform_time(self) -> datetime | None:
        """The server's own time; without an earlier answer, from a request that needs no token."""
        if self._wire.time.now() is None:
            try:
                self._longest()
            except (CallNotSentError, CallLostError, CallRefusedError):
                return self._wire.time.now()
        return self._wire.time.now()

    def clock_offset(self) -> timedelta | None:
        return self._wire.time.offset(self._clock())

    def close(self) -> None:
        self._wire.close()

    def _refusals(self, part: Part) -> list[str]:
        """Why the server would refuse a part."""
        longest, length = self._longest(), texts.counted_length(part.text)
        too_long = f"the text has {length} characters; the server allows {longest}: set outlets.mastodon.characters"
        both = "a poll and a picture; Mastodon allows one of them"
        return [too_long] * (length > longest) + [both] * bool(part.poll and part.pictures)

    def _longest(self) -> int:
        """The longest post that the server allows, read once."""
        if self._limit is None:
            limit: Any = self._wire.call("GET", "/api/v2/instance").mapping()
            for key in ("configuration", "statuses", "max_characters"):
                limit = limit.get(key) if isinstance(limit, dict) else None
            self._limit = limit if type(limit) is int and limit > 0 else texts.CHARACTERS
        return self._limit

    def _status_body(self, part: Part, media: list[str]) -> dict[str, Any]:
        body: dict[str, Any] = {"status": part.text, "language": self._settings.locale.partition("-")[0]}
        if media:
            body["media_ids"] = media
        if part.reply_to:
            body["in_reply_to_id"] = part.reply_to
        if part.poll:
            body["poll"] = {"options": list(part.poll.answers), "expires_in": int(part.poll.lasts.total_seconds())}
        return body

    def _media_id(self, part: Part, number: int) -> str:
        """The id of a picture that is ready to be posted. Raises `PictureNotReadyError` while the server is at work on
        it; the next attempt asks for the same one."""
        key = f"{part.marker}/{number}"
        if known := self._uploaded.pop(key, None):
            status = self._call("GET", f"/api/v1/media/{known}").status
        else:
            known, status = self._upload(part.pictures[number])
        if status in (202, 206):
            self._uploaded[key] = known
            raise PictureNotReadyError("at work on the picture")
        return known

    def _upload(self, picture: Picture) -> tuple[str, int]:
        """The id of an uploaded picture, and the status of the answer: 202 if it is not ready."""
        kind = "image/png" if picture.content.startswith(b"\x89PNG") else "image/jpeg"
        files = {"file": (picture.name, picture.content, kind)}
        answer = self._call("POST", "/api/v2/media", files=files, data={"description": picture.alt})
        number = answer.mapping().get("id")
        if not isinstance(number, str) or not _is_id(number):
            raise CallLostError("an answer without the picture's number")
        return number, answer.status

    def _statuses(self, since: datetime | None) -> Iterator[Mapping[str, Any]]:
        """The account's own statuses, newest first, back to an instant of the server's clock."""
        query = {"limit": str(_PAGE), "exclude_reblogs": "true"}
        for _ in range(_PAGES):
            rows = self._call("GET", f"/api/v1/accounts/{self._account_id()}/statuses", params=query).document
            if not isinstance(rows, list) or not all(
                isinstance(row, dict) and _is_id(str(row.get("id"))) for row in rows
            ):
                raise CallLostError("a list of posts that cannot be read")
            for row in rows:
                if since and _instant(row) < since:
                    return
                yield row
            if not rows:
                return
            query["max_id"] = str(rows[-1]["id"])
        raise CallLostError(f"more than {_PAGES * _PAGE} posts to search")

    def _account_id(self) -> str:
        if self._account is None:
            number = self._call("GET", "/api/v1/accounts/verify_credentials").mapping().get("id")
            if not isinstance(number, str) or not _is_id(number):
                raise CallLostError("an answer without the account's number")
            self._account = number
        return self._account

    def _sent(self, row: Mapping[str, Any], *, found: bool = False) -> Sent:
        """The proof of a status. Raises `CallLostError` if it has no number or no address."""
        number, url, now = row.get("id"), row.get("url"), self._wire.time.now()
        if not isinstance(number, str) or not isinstance(url, str) or not _is_address(url):
            raise CallLostError("an answer without the post's number or address")
        return Sent(number, url, age=max(timedelta(), now - _instant(row)) if found and now else timedelta())

    def _call(self, method: str, route: str, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        bearer = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        return self._wire.call(method, route, headers={**bearer, **(headers or {})}, **options)

    def _outcome(self, error: CallError, creating: bool) -> Outcome:
        return self._failures.outcome(error, self._clock(), creating=creating)


def _is_address(text: str) -> bool:
    return text.isprintable() and _ADDRESS.fullmatch(text) is not None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isalnum() and len(text) < 40


def _instant(row: Mapping[str, Any]) -> datetime:
    """When a status was posted. Raises `CallLostError`."""
    try:
        at = datetime.fromisoformat(str(row.get("created_at")))
    except ValueError:
        raise CallLostError("a post without its time") from None
    if at.tzinfo is None:
        raise CallLostError("a post without its time")
    return at
