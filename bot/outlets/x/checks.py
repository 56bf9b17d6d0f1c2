"""What `doctor` says of X, from the answer to who the keys belong to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import SecretStr

from bot.outlets import Check, redact_reason
from bot.outlets._platform_clock import clock_check
from bot.outlets.x.responses import Answer, Answered, Lost, NotReached

_CREDITS = Check("x credits", None, "X answers, so some are left; how many shows at console.x.com only")


def account_checks(answer: Answer, wanted: str, secrets: Iterable[SecretStr], offset: timedelta | None) -> list[Check]:
    """Account, permission, clock and credits. `wanted`: the account that is to post."""
    return [
        _check_account(answer, wanted, secrets),
        *_check_permission(answer),
        clock_check("x clock", "X", offset),
        _CREDITS,
    ]


def failure_cure(error: NotReached | Lost | Answered) -> str:
    """What to do where X did not answer; empty where its own words say it."""
    if isinstance(error, Answered) and error.status < 500:
        return ""
    return "see whether outlets.x.host can be reached from here; try again later"


def _check_account(answer: Answer, wanted: str, secrets: Iterable[SecretStr]) -> Check:
    data = answer.document.get("data")
    name = redact_reason(str(data.get("username", "")), secrets) if isinstance(data, dict) else ""
    if name.casefold() == wanted.casefold():
        return Check("x account", True, f"the keys belong to @{name}")
    mend = f"set outlets.x.destinations: [{name}] or use the keys of @{wanted}"
    return Check("x account", False, f"the keys belong to @{name}; wanted @{wanted}", mend)


def _check_permission(answer: Answer) -> list[Check]:
    """What the keys may do, where X says it: the header is not documented for API v2."""
    level = answer.headers.get("x-access-level")
    if level is None:
        return []
    mend = 'give the app "Read and write" at developer.x.com, then renew both access tokens'
    return [Check("x permission", "write" in level, f"the keys may {level.replace('-', ', ')}", mend)]
