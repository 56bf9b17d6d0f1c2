"""The responses of X and their meaning for a part: one table from responses to outcomes. Pure.

Status codes decide; texts only if one code means several things (403). Source of the bodies: docs.x.com
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
    """The request was sent, and no readable response came back."""


class HttpStatusError(OutletError):
    """X answered with a status other than success."""

    def __init__(self, status: int, headers: Mapping[str, str], problem: Mapping[str, object]) -> None:
        self.status = status
        self.headers = headers
        self.problem = problem
        """The response's JSON object; empty if there was none."""
        super().__init__(f"HTTP {status}")

    @property
    def problem_kind(self) -> str:
        """The last segment of the problem's `type`, such as `usage-capped`; empty if there is none."""
        return str(self.problem.get("type", "")).rstrip("/").rpartition("/")[2]

    @property
    def detail(self) -> str:
        """X's own message. Foreign: redact it before storing it."""
        errors = self.problem.get("errors")
        details = [
            *(e.get("message") for e in json_objects(errors)),
            self.problem.get("detail"),
            self.problem.get("title"),
        ]
        return next((text for text in details if isinstance(text, str) and text), "")


@dataclass(frozen=True, slots=True)
class XResponse:
    """A success: its JSON object and its headers."""

    document: Mapping[str, object]
    headers: Mapping[str, str]


def json_objects(value: object) -> list[Mapping[str, object]]:
    """The JSON objects in a value that should be a list of them."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


PAUSE = timedelta(minutes=1)
"""Pause before a retry after a temporary failure."""
WINDOW = timedelta(minutes=15)
"""X's shortest rate limit window, used if a 429 names no reset."""
LONGEST = timedelta(hours=24)
"""X's longest rate limit window; a later reset is ignored."""

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
    """The outcome of a failed call. `creating`: the call that creates the post; otherwise nothing can be out yet."""
    if isinstance(error, NotSentError):
        return RetryLater(f"X was {error}", now + PAUSE)
    if isinstance(error, ResponseLostError):
        return OutcomeUnknown(f"X: {error}") if creating else RetryLater(f"X: {error}; nothing was posted", now + PAUSE)
    reason = redact_reason(f"X: HTTP {error.status}: {error.detail or 'no reason given'}", secrets)
    if error.status in (401, 402):
        return AccountRefused(_account_reason(reason, error, now))
    if error.status == 403:
        return _forbidden_outcome(error, reason)
    if error.status == 429:
        return _rate_limit_outcome(error, reason, now)
    if error.status >= 500 or error.status < 400 or error.status == 408:
        return OutcomeUnknown(reason) if creating else RetryLater(reason, now + PAUSE)
    return Refused(reason)


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
        # The monthly cap ends with the month or by the operator, so a retry before does not help.
        return AccountRefused(f"{reason}; the month's cap or spending limit is reached: raise it at console.x.com")
    return RetryLater(reason, limit_reset(error.headers, now))


def limit_reset(headers: Mapping[str, str], now: datetime) -> datetime:
    """When a rate limit ends: the latest reset of the exhausted limits, within `LONGEST`. A reset is an instant of X's
    clock, so it is ignored if the response does not tell X's time."""
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
