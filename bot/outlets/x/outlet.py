"""The X outlet: posts, looks back, edits, reads polls and checks keys, for one account."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot import config
from bot.outlets.types import (
    LEEWAY,
    AccountRefused,
    Found,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    OutletError,
    Part,
    Refused,
    RetryLater,
    Sent,
    Votes,
)
from bot.outlets.x import checks, lookback, responses
from bot.outlets.x.limits import XSettings, find_refusals
from bot.outlets.x.lookback import ID, posted_at
from bot.outlets.x.responses import HttpStatusError, NotSentError, ResponseLostError, json_objects
from bot.records import CheckResult, Picture

if TYPE_CHECKING:
    from bot.outlets.x.http_client import XHttpClient

SETTLE = timedelta(minutes=3)
"""X does not document how long a new post takes to appear in the timeline; other publishers saw up to two minutes."""

EDIT_WINDOW = timedelta(minutes=30)
"""create-post.mdx, `edit_options`; a poll cannot be edited at all."""
MEDIA_LASTS = timedelta(hours=23)
"""An uploaded picture can be used for 24 hours (media/quickstart.mdx); this leaves an hour."""

_PAGES = 5


def make_outlet(
    settings: config.OutletConfig, output_folder: Path, secrets: Mapping[str, SecretStr], clock: Callable[[], datetime]
) -> XOutlet:
    """X with the keys of one account. Raises `OutletError` if a key is invalid."""
    assert isinstance(settings, XSettings)
    user = secrets["X_ACCESS_TOKEN"].get_secret_value().partition("-")[0]
    if not ID.fullmatch(user):
        raise OutletError(
            "x: X_ACCESS_TOKEN does not start with an account's number and a dash; wanted the OAuth 1.0a access token"
            ' of the account that posts (developer.x.com, "Keys and tokens")'
        )
    from bot.outlets.x.http_client import XHttpClient  # tweepy and requests take 0.15 s to import

    return XOutlet(settings, user, XHttpClient(settings.host, secrets), tuple(secrets.values()), clock)


class XOutlet:
    """One account on X, ready to post. It caches the ids of uploaded pictures, so that a retry uploads nothing
    twice."""

    def __init__(
        self,
        settings: XSettings,
        user: str,
        wire: XHttpClient,
        secrets: tuple[SecretStr, ...],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings, self._user, self._wire, self._secrets, self._clock = settings, user, wire, secrets, clock
        self._uploaded: dict[str, tuple[str, datetime]] = {}

    def post(self, part: Part, destination: str) -> Outcome:
        more: dict[str, object] = {"reply": {"in_reply_to_tweet_id": part.reply_to}} if part.reply_to else {}
        return self._create_post(part, destination, more)

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        """Within 30 minutes, and on accounts that X allows to edit; gives a new id."""
        if part.poll:
            return Refused("X: a post with a poll cannot be edited")
        if not ID.fullmatch(platform_id):
            return Refused(f"X: {platform_id!r} is not the number of a post")
        there = self.platform_time()  # if it is unknown, X decides
        if there and there - posted_at(platform_id) > EDIT_WINDOW:
            return Refused("X: posts can be edited for 30 minutes, and this one is older")
        return self._create_post(part, destination, {"edit_options": {"previous_post_id": platform_id}})

    def find(self, part: Part, destination: str) -> Found:
        """Search the account's own timeline for the part's words ($0.001 per post returned)."""
        if not lookback.is_findable(part.text):
            return LookupInconclusive("X: the text holds nothing to find it by", None)
        try:
            shown = self._find_post(part, part.since - LEEWAY if part.since else None)
        except (NotSentError, ResponseLostError, HttpStatusError) as error:
            return self._cannot_tell(error)
        if isinstance(shown, LookupInconclusive):
            return shown
        return self._found(str(shown["id"]), destination) if shown else NotFound()

    def votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        """The votes of a post's poll ($0.001)."""
        if not ID.fullmatch(platform_id):
            return LookupInconclusive(f"X: {platform_id!r} is not the number of a post", None)
        wanted = {"expansions": "attachments.poll_ids", "poll.fields": "options,voting_status"}
        try:
            document = self._wire.call_api("GET", f"/2/tweets/{platform_id}", wanted).document
        except (NotSentError, ResponseLostError, HttpStatusError) as error:
            return self._cannot_tell(error)
        included = document.get("includes")
        polls = json_objects(included.get("polls")) if isinstance(included, dict) else []
        options = json_objects(polls[0].get("options")) if polls else []
        counts = {option.get("position"): option.get("votes") for option in options}
        rows = [counts.get(position) for position in range(1, len(options) + 1)]
        if not rows or any(type(row) is not int or row < 0 for row in rows):
            return LookupInconclusive("X: the answer holds no poll with its votes", None)
        return Votes(tuple(row for row in rows if isinstance(row, int)), polls[0].get("voting_status") == "closed")

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        """Read which account the keys belong to ($0.010)."""
        if not self._settings.destinations:
            return [
                CheckResult("x account", False, "no account named", "set outlets.x.destinations: [NAME] in config.yaml")
            ]
        try:
            answer = self._wire.call_api("GET", "/2/users/me")
        except (NotSentError, ResponseLostError, HttpStatusError) as error:
            failed = self._failure_outcome(error, creating=False)
            assert not isinstance(failed, Sent)
            return [
                CheckResult(
                    "x keys",
                    False if isinstance(failed, AccountRefused) else None,
                    failed.reason,
                    checks.failure_cure(error),
                )
            ]
        return checks.account_checks(answer, self._settings.destinations[0], self._secrets, self.clock_offset())

    def platform_time(self) -> datetime | None:
        """X's own time; without an earlier response, from a free request that is not signed."""
        if self._wire.time.now() is None:
            self._wire.ask_time()
        return self._wire.time.now()

    def clock_offset(self) -> timedelta | None:
        return self._wire.time.offset(self._clock())

    def close(self) -> None:
        self._wire.close()

    def _create_post(self, part: Part, destination: str, more: dict[str, object]) -> Outcome:
        """Upload pictures first, then post: only the last call has an effect that readers see."""
        wrong = find_refusals(part, self._settings)
        if destination not in self._settings.destinations:
            wrong.append(f"{destination}: not the account of outlets.x.destinations")
        if wrong:
            return Refused("x: " + "; ".join(wrong))
        reused = any(_picture_key(picture) in self._uploaded for picture in part.pictures)
        try:
            media = [self._media_id(picture) for picture in part.pictures]
        except (NotSentError, ResponseLostError, HttpStatusError) as error:
            return self._failure_outcome(error, creating=False)
        try:
            answer = self._wire.call_api("POST", "/2/tweets", body=_post_body(part, media) | more)
        except (NotSentError, ResponseLostError, HttpStatusError) as error:
            return self._not_created(error, part, destination, reused)
        data = answer.document.get("data")
        post_id = data.get("id") if isinstance(data, dict) else None
        if not isinstance(post_id, str) or not ID.fullmatch(post_id):
            return OutcomeUnknown("X: a success without the post's id")
        return self._sent_outcome(post_id, destination)

    def _not_created(
        self, error: NotSentError | ResponseLostError | HttpStatusError, part: Part, destination: str, reused: bool
    ) -> Outcome:
        if isinstance(error, HttpStatusError) and responses.is_duplicate(error):
            return self._duplicate_outcome(part, destination)
        failed = self._failure_outcome(error, creating=True)
        if isinstance(failed, Refused) and reused:
            # The only part of a request that can expire is a cached picture id: upload again, once.
            for picture in part.pictures:
                self._uploaded.pop(_picture_key(picture), None)
            return RetryLater(f"{failed.reason}; pictures will be uploaded again", self._clock() + responses.PAUSE)
        return failed

    def _duplicate_outcome(self, part: Part, destination: str) -> Outcome:
        """X has this text already, from an attempt whose response was lost or from an earlier day. In both cases it is
        out, and an operator must decide whether to send it again."""
        try:
            shown = self._find_post(part, None, pages=1)
        except (NotSentError, ResponseLostError, HttpStatusError):
            return OutcomeUnknown(
                "X: HTTP 403: a duplicate, and the timeline could not be asked for the first", accepted=True
            )
        if not shown or isinstance(shown, LookupInconclusive):
            return OutcomeUnknown("X: HTTP 403: a duplicate of a post that the timeline does not show", accepted=True)
        sent = self._found(str(shown["id"]), destination)
        if part.since and posted_at(sent.platform_id) < part.since - LEEWAY:
            return Refused(f"X: HTTP 403: the same text as {sent.url}, posted before this part was due")
        return sent

    def _media_id(self, picture: Picture) -> str:
        """The id of an uploaded picture with its alt text, cached while it is valid."""
        key = _picture_key(picture)
        media, until = self._uploaded.get(key, ("", self._clock()))
        if self._clock() < until:
            return media
        payload = base64.b64encode(picture.content).decode()
        body = {"media": payload, "media_category": "tweet_image"}
        data = self._wire.call_api("POST", "/2/media/upload", body=body).document.get("data")
        media = str(data.get("id")) if isinstance(data, dict) else ""
        if not ID.fullmatch(media):
            raise ResponseLostError("a success without the picture's id")
        described = {"id": media, "metadata": {"alt_text": {"text": picture.alt}}}
        self._wire.call_api("POST", "/2/media/metadata", body=described)
        self._uploaded[key] = (media, self._clock() + MEDIA_LASTS)
        return media

    def _find_post(
        self, part: Part, since: datetime | None, pages: int = _PAGES
    ) -> Mapping[str, object] | LookupInconclusive | None:
        """The account's oldest post that is the part, since an instant of X's clock; without an instant, the newest.
        Raises the call's errors."""
        wanted = {"max_results": "100", "tweet.fields": "created_at,referenced_tweets", "exclude": "retweets"}
        if since:
            wanted["start_time"] = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        alike: list[Mapping[str, object]] = []
        for _ in range(pages):
            document = self._wire.call_api("GET", f"/2/users/{self._user}/tweets", wanted).document
            rows, meta = json_objects(document.get("data")), document.get("meta")
            if not isinstance(meta, dict) or not all(map(lookback.is_whole, rows)):
                # Unknown fields are dropped silently: X may have changed its API.
                return LookupInconclusive("X: the timeline came without the fields asked for", None)
            alike += [row for row in rows if lookback.is_part(row, part)]
            if alike and not since:
                return max(alike, key=lambda row: int(str(row["id"])))
            if "next_token" not in meta:
                return min(alike, key=lambda row: int(str(row["id"])), default=None)
            wanted["pagination_token"] = str(meta["next_token"])
        when = f" since {since:%d %b %H:%M} UTC" if since else ""
        return LookupInconclusive(f"X: more than {pages * 100} posts{when}", None)

    def _cannot_tell(self, error: NotSentError | ResponseLostError | HttpStatusError) -> LookupInconclusive:
        failed = self._failure_outcome(error, creating=False)
        if isinstance(failed, RetryLater):
            return LookupInconclusive(failed.reason, failed.not_before)
        again = self._clock() + responses.WINDOW if isinstance(failed, AccountRefused) else None
        return LookupInconclusive(failed.reason, again)

    def _failure_outcome(
        self, error: NotSentError | ResponseLostError | HttpStatusError, *, creating: bool
    ) -> responses.Failed:
        return responses.failure_outcome(error, self._clock(), self._secrets, creating=creating)

    def _found(self, platform_id: str, destination: str) -> Sent:
        """What is out already, and for how long by X's own clock."""
        there, posted = self._wire.time.now(), posted_at(platform_id)
        return replace(self._sent_outcome(platform_id, destination), age=max(timedelta(), (there or posted) - posted))

    def _sent_outcome(self, platform_id: str, destination: str) -> Sent:
        return Sent(platform_id, f"https://x.com/{destination}/status/{platform_id}")


def _post_body(part: Part, media: list[str]) -> dict[str, object]:
    body: dict[str, object] = {"text": part.text}
    if media:
        body["media"] = {"media_ids": media}
    if part.poll:
        minutes = int(part.poll.lasts.total_seconds() // 60)
        body["poll"] = {"options": list(part.poll.answers), "duration_minutes": minutes}
    return body


def _picture_key(picture: Picture) -> str:
    return hashlib.sha256(picture.content + b"\x00" + picture.alt.encode()).hexdigest()
