"""What `doctor` says of X, from the answer to who the keys belong to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import SecretStr

from bot.outlets.types import clock_check, redact_reason
from bot.outlets.x.responses import HttpStatusError, NotSentError, ResponseLostError, XResponse
from bot.records import CheckResult

_CREDITS = CheckResult("x credits", None, "X answers, so some are left; how many shows at console.x.com only")


def account_checks(
    answer: XResponse, wanted: str, secrets: Iterable[SecretStr], offset: timedelta | None
) -> list[CheckResult]:
    """Account, permission, clock and credits. `wanted`: the account that is to post."""
    return [
        _check_account(answer, wanted, secrets),
        *_check_permission(answer),
        clock_check("x clock", "X", offset),
        _CREDITS,
    ]


def failure_cure(error: NotSentError | ResponseLostError | HttpStatusError) -> str:
    """What to do where X did not answer; empty where its own words say it."""
    if isinstance(error, HttpStatusError) and error.status < 500:
        return ""
    return "see whether outlets.x.host can be reached from here; try again later"


def _check_account(answer: XResponse, wanted: str, secrets: Iterable[SecretStr]) -> CheckResult:
    data = answer.document.get("data")
    name = redact_reason(str(data.get("username", "")), secrets) if isinstance(data, dict) else ""
    if name.casefold() == wanted.casefold():
        return CheckResult("x account", True, f"the keys belong to @{name}")
    mend = f"set outlets.x.destinations: [{name}] or use the keys of @{wanted}"
    return CheckResult("x account", False, f"the keys belong to @{name}; wanted @{wanted}", mend)


def _check_permission(answer: XResponse) -> list[CheckResult]:
    """What the keys may do, where X says it: the header is not documented for API v2."""
    level = answer.headers.get("x-access-level")
    if level is None:
        return []
    mend = 'give the app "Read and write" at developer.x.com, then renew both access tokens'
    return [CheckResult("x permission", "write" in level, f"the keys may {level.replace('-', ', ')}", mend)]
