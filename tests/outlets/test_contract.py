"""The contract of every outlet, whatever its platform does."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

import bot.outlets as registry
from bot import config
from bot.outlets import (
    AccountRefused,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    OutletError,
    Part,
    Refused,
    RetryLater,
    Sent,
    part_marker,
    redact_reason,
)
from tests.patience import PATIENCE

OUTLETS = registry.posting_outlets()
"""The outlets that get parts; the site is replaced as a whole and has its own tests."""


def test_helpers_beside_the_outlets_are_no_outlets() -> None:
    assert {*registry.outlet_names()} >= {"bluesky", "discord", "mastodon", "site", "webhook", "x"}
    assert not {"types", "post_format", "http_calls"} & {*registry.outlet_names()}
    assert {*registry.outlet_names()} - {*OUTLETS} == {"site"}


@pytest.mark.parametrize("name", OUTLETS)
def test_a_module_says_everything_the_registry_asks_for(name: str) -> None:
    module = registry.load_module(name)
    assert module.__doc__ and len(module.__doc__.strip()) > 80, "the docstring is the outlet's page in the docs"
    assert isinstance(module.TITLE, str) and module.TITLE
    assert issubclass(module.Settings, config.OutletConfig) and module.Settings.__doc__
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", secret) for secret in module.SECRETS)
    assert isinstance(module.FORMAT, registry.PostFormat) and module.FORMAT.limit > 0
    assert isinstance(module.SETTLE, timedelta) and module.SETTLE.total_seconds() >= 0
    assert isinstance(module.cost(Part("Seven models.", part_marker(name))), Decimal)
    undescribed = [key for key, model_field in module.Settings.model_fields.items() if not model_field.description]
    assert undescribed == [], "each setting needs a description"


@pytest.mark.parametrize("name", OUTLETS)
def test_settings_have_safe_defaults_and_refuse_unknown_keys(name: str) -> None:
    assert registry.settings_types()[name].model_validate({}).enabled
    with pytest.raises(ValueError, match="Extra inputs"):
        registry.settings_types()[name].model_validate({"no_such_key": 1})


@pytest.mark.parametrize("name", OUTLETS)
def test_a_missing_secret_is_named_before_anything_is_asked(name: str) -> None:
    module = registry.load_module(name)
    for missing in module.SECRETS:
        held = {key: SecretStr("x") for key in module.SECRETS if key != missing}
        with pytest.raises(OutletError, match=missing):
            registry.make_outlet(name, module.Settings(), Path(), held, lambda: datetime.now(UTC))


@pytest.mark.parametrize("name", OUTLETS)
def test_importing_an_outlet_loads_no_heavy_library(name: str) -> None:
    heavy = {"tweepy", "discord", "requests", "httpx", "aiohttp", "emoji", "sqlalchemy", "matplotlib"}
    code = f"import sys, bot.outlets.{name}; print(*sorted({heavy!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize("name", OUTLETS)
def test_whatever_fails_the_outcome_agrees_with_the_platform(name: str) -> None:
    """The core of exactly-once: only `OutcomeUnknown` may leave a doubt, and a look-back resolves it. Where a part may
    arrive more than once, a doubt is resolved by sending it again."""
    module, exactly = f"tests.outlets.rig_{name}", registry.post_format(name).exactly_once
    with importlib.import_module(module).rig() as rig:
        for number, (fault, arm) in enumerate(rig.faults.items()):
            part, before = rig.part(f"Fault number {number} of this day and no other"), rig.posted()
            arm()
            outcome = rig.outlet.post(part, rig.destination)
            there = rig.posted() - before
            assert disagreement(outcome, there, exactly) == "", f"{name}: {fault}: {outcome}"
            result = rig.outlet.find(part, rig.destination)
            assert isinstance(result, Sent if there and exactly else NotFound), f"{name}: {fault}: {result}"
            assert rig.posted() - before == there, f"{name}: {fault}: looking back posted something"
            text = f"{outcome!r} {result!r} {rig.outlet!r}"
            assert not [secret for secret in rig.secrets if secret in text], f"{name}: {fault}: a secret is told"
            if not there or not exactly:
                assert isinstance(rig.outlet.post(part, rig.destination), Sent), (
                    f"{name}: {fault}: nothing goes after it"
                )
        assert len(rig.faults) >= 1


def disagreement(outcome: Outcome, there: int, exactly_once: bool = True) -> str:
    """How an outcome contradicts a ledger with `there` more posts; empty if it does not."""
    match outcome:
        case Sent(platform_id, url):
            linked = url.startswith("http") or not exactly_once
            return "" if there == 1 and platform_id and linked else "sent, but not there once"
        case OutcomeUnknown(reason):
            return "" if there <= 1 and reason else "there twice"
        case Refused(reason) | AccountRefused(reason):
            return "" if there == 0 and reason else "refused, but there"
        case RetryLater(reason, not_before):
            surely = there == 0 or not exactly_once
            return "" if surely and reason and not_before.tzinfo is UTC else "later, but there or at no time"
    return f"{outcome!r} is no outcome"  # type: ignore[unreachable]


def test_a_lying_outcome_is_noticed() -> None:
    assert disagreement(RetryLater("x", datetime.now(UTC)), 1)
    assert disagreement(Refused("x"), 1)
    assert disagreement(Sent("1", "https://x"), 0)
    assert disagreement(OutcomeUnknown("x"), 2)
    assert disagreement(LookupInconclusive("x", None), 0)  # type: ignore[arg-type]


def test_a_marker_is_the_same_for_ever_and_differs_by_any_part_of_its_key() -> None:
    key = ("opengradient", "2026-01-14", 1, "discord", "123", 0)
    assert part_marker(*key) == "261c7736cd31449ba456e07a"
    others = {part_marker(*(*key[:n], "other", *key[n + 1 :])) for n in range(len(key))}
    assert len(others | {part_marker(*key)}) == len(key) + 1
    assert part_marker("a", "bc") != part_marker("ab", "c")
    assert len(part_marker(*key)) <= 25


@pytest.mark.parametrize("text", ["the key is s3cr/t+!", "?key=s3cr%2Ft%2B%21&x", "s3cr\u200b/t+!", "a\ns3cr/t+!\nb"])
def test_a_secret_is_redacted_in_every_form_it_may_take(text: str) -> None:
    reason = redact_reason(text, [SecretStr("s3cr/t+!")])
    assert "s3cr" not in reason and "[redacted]" in reason and "\n" not in reason


def test_a_reason_is_clipped_after_redaction() -> None:
    secret = "k" * 40
    reason = redact_reason("x" * 280 + secret + "y" * 10_000, [SecretStr(secret)])
    assert len(reason) <= 300 and "kkk" not in reason
