"""What X may answer, and what that means for a part: one table from what came back to an outcome. Pure.

Status codes decide; words only where one code means several things (403). Source of the bodies: docs.x.com
(integrate.mdx, rate-limits.mdx, Aug 2026) and public logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from bot.outlets.types import (
    TOLERATED,
    AccountRefused,
    OutcomeUnknown,
    OutletError,
    Refused,
    RetryLater,
    instant_of,
    redact_reason,
)


class NotSentError(OutletError):
    """Nothing was sent."""


class ResponseLostError(OutletError):
    """The request left, and no answer came back that could be read."""


class HttpStatusError(OutletError):
    """X answered with something else than success."""

    def __init__(self, status: int, headers: Mapping[str, str], problem: Mapping[str, object]) -> None:
        self.status = status
        self.headers = headers
        self.problem = problem
        """The answer's JSON object; empty where it was none."""
        super().__init__(f"HTTP {status}")

    @property
    def problem_kind(self) -> str:
        """The last step of the problem's `type`, such as `usage-capped`; empty where there is none."""
        return str(self.problem.get("type", "")).rstrip("/").rpartition("/")[2]

    @property
    def detail(self) -> str:
        """What X says in words. Foreign: to be redacted before it is kept."""
        errors = self.problem.get("errors")
        said = [
            *(e.get("message") for e in json_objects(errors)),
            self.problem.get("detail"),
            self.problem.get("title"),
        ]
        return next((text for text in said if isinstance(text, str) and text), "")


@dataclass(frozen=True, slots=True)
class XResponse:
    """A success: its JSON object and its headers."""

    document: Mapping[str, object]
    headers: Mapping[str, str]


def json_objects(value: object) -> list[Mapping[str, object]]:
    """The JSON objects of what should be a list of them."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


PAUSE = timedelta(minutes=1)
"""Before a failure that may pass is tried again."""
WINDOW = timedelta(minutes=15)
"""X's shortest rate limit window: waited for where a 429 names no reset."""
LONGEST = timedelta(hours=24)
"""X's longest rate limit window: no reset further away is believed."""

Failed = Refused | RetryLater | OutcomeUnknown | AccountRefused

_ACCOUNT_KINDS = frozenset(
    {
        "client-forbidden",
        "client-not-enrolled",
        "not-authorized-for-resource",
        "oauth1-permissions",
        "unsupported-authentication",
    }
)


def is_duplicate(answer: HttpStatusError) -> bool:
    return answer.status == 403 and "duplicate" in answer.detail.lower()


def failure_outcome(
    error: NotSentError | ResponseLostError | HttpStatusError,
    now: datetime,
    secrets: Iterable[SecretStr],
    *,
    creating: bool,
) -> Failed:
    """What a call that failed means. `creating`: it was the one that makes the post; else nothing can be out yet."""
    if isinstance(error, NotSentError):
        return RetryLater(f"X was {error}", now + PAUSE)
    if isinstance(error, ResponseLostError):
        return OutcomeUnknown(f"X: {error}") if creating else RetryLater(f"X: {error}; nothing was posted", now + PAUSE)
    said = redact_reason(f"X: HTTP {error.status}: {error.detail or 'no reason given'}", secrets)
    if error.status in (401, 402):
        return AccountRefused(_account_reason(said, error, now))
    if error.status == 403:
        return _forbidden_outcome(error, said)
    if error.status == 429:
        return _rate_limit_outcome(error, said, now)
    if error.status >= 500 or error.status < 400 or error.status == 408:
        return OutcomeUnknown(said) if creating else RetryLater(said, now + PAUSE)
    return Refused(said)


def _account_reason(reason: str, error: HttpStatusError, now: datetime) -> str:
    if error.status == 402:
        return f"{reason}; the app's credits are used up or its spending limit is reached: top up at console.x.com"
    there = instant_of(error.headers.get("Date"))
    off = now - there if there else timedelta()
    if abs(off) > TOLERATED:
        return f"{reason}; this machine's clock is {abs(off).total_seconds():.0f} s {_skew_direction(off)} X's: set it"
    return f"{reason}; the keys are wrong or were revoked: renew X_API_KEY, X_API_SECRET and both access tokens"


def _forbidden_outcome(error: HttpStatusError, reason: str) -> Failed:
    detail = error.detail.lower()
    if "reply to this conversation is not allowed" in detail:
        return Refused("X: HTTP 403: not summoned: X lets this app reply only where it was mentioned or quoted")
    if error.problem_kind in _ACCOUNT_KINDS or "suspended" in detail or "account is temporarily locked" in detail:
        return AccountRefused(f"{reason}; the app or the account may not post: see developer.x.com")
    return Refused(reason)


def _rate_limit_outcome(error: HttpStatusError, reason: str, now: datetime) -> Failed:
    if error.problem_kind == "usage-capped":
        # The monthly cap: it ends with the month or with the operator, and no wait in between helps.
        return AccountRefused(f"{reason}; the month's cap or spending limit is reached: raise it at console.x.com")
    return RetryLater(reason, limit_reset(error.headers, now))


def limit_reset(headers: Mapping[str, str], now: datetime) -> datetime:
    """When a rate limit ends: the latest reset of the limits that are used up, within `LONGEST`. A reset is an
    instant of X's clock: where the answer does not say what time it is there, it says nothing."""
    resets = [
        _parse_number(headers.get(f"{name}-reset"))
        for name in ("x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour")
        if _parse_number(headers.get(f"{name}-remaining")) in (0, None)
    ]
    known = [second for second in resets if second is not None]
    there = instant_of(headers.get("Date"))
    if not known or there is None:
        return now + WINDOW
    wait = timedelta(seconds=max(known) - there.timestamp())
    return now + min(max(wait, PAUSE), LONGEST)


def _skew_direction(off: timedelta) -> str:
    return "ahead of" if off > timedelta() else "behind"


def _parse_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else None
