"""Webhooks: the signature, the waits, and what an address may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bot.config.mistakes import validation_lines
from bot.outlets import Refused, RetryLater, Sent, make_outlet, part_marker, webhook
from bot.outlets.types import OutletError
from bot.outlets.webhook.outlet import WebhookOutlet, wait_after
from bot.outlets.webhook.signature import secret_key, signed_headers
from tests.outlets.rig_webhook import outlet, part
from tests.outlets.short_waits import PATIENT, SHORT, arm, patient
from tests.peers.failing_server import Fault
from tests.peers.webhook_receiver import FAILURES, ROUTE, SECRET, WebhookPeer

NOW = datetime(2026, 1, 15, 2, 30, tzinfo=UTC)


@pytest.fixture
def peer() -> Iterator[WebhookPeer]:
    with patient(), WebhookPeer() as served:
        yield served


@pytest.fixture
def hook(peer: WebhookPeer) -> Iterator[WebhookOutlet]:
    made = outlet(peer.address, lambda: NOW)
    yield made
    made.close()


def test_the_signature_is_that_of_the_published_example() -> None:
    key = secret_key(SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_holds_text_and_figures_and_keeps_its_id_when_it_is_sent_again(
    hook: WebhookOutlet, peer: WebhookPeer
) -> None:
    wanted = replace(part("Seven models."), data={"network": "n", "composed_at": "2026-01-15T02:00:00+00:00"})
    arm(peer, FAILURES["time-out after accepting"], ROUTE)
    assert isinstance(hook.post(wanted, "ops"), RetryLater)
    assert isinstance(hook.post(replace(wanted, attempts=1), "ops"), Sent)
    first, second = peer.messages
    assert first["id"] == second["id"] == f"msg_{part_marker('Seven models.')}"
    assert (
        first["body"]
        == second["body"]
        == {
            "type": "digest.published",
            "timestamp": "2026-01-15T02:00:00+00:00",
            "data": {"schema": 1, "text": "Seven models.", "network": "n", "composed_at": "2026-01-15T02:00:00+00:00"},
        }
    )
    hook.edit(wanted, "ops", first["id"])
    assert peer.messages[-1]["body"]["type"] == "digest.corrected"
    hook.post(replace(wanted, day=None), "ops")
    assert peer.messages[-1]["body"]["type"] == "test"


def test_waits_grow_with_the_attempts() -> None:
    waits = [wait_after(number) for number in range(8)]
    assert waits == sorted(waits) and waits[0] == timedelta(minutes=1) and waits[-1] == timedelta(hours=10)


@pytest.mark.parametrize("fault", sorted({*FAILURES} - {"429"}))
def test_every_failure_is_tried_again_after_the_wait(hook: WebhookOutlet, peer: WebhookPeer, fault: str) -> None:
    arm(peer, FAILURES[fault], ROUTE)
    outcome = hook.post(replace(part("x"), attempts=2), "ops")
    assert isinstance(outcome, RetryLater) and outcome.not_before == NOW + timedelta(minutes=30)
    assert SECRET not in outcome.reason


def test_a_time_out_that_is_changed_holds_for_clients_that_are_open(hook: WebhookOutlet, peer: WebhookPeer) -> None:
    waits: list[float] = []
    noted = {"request": [lambda request: waits.append(request.extensions["timeout"]["read"])]}
    hook._wire._client.event_hooks = noted
    hook.post(part("x"), "ops")
    arm(peer, FAILURES["time-out before accepting"], ROUTE)
    hook.post(part("y"), "ops")
    assert waits == [PATIENT, SHORT]


def test_a_rate_limit_is_kept(hook: WebhookOutlet, peer: WebhookPeer) -> None:
    peer.fail(Fault(429, {}, {"Retry-After": "3600"}), ROUTE)
    outcome = hook.post(part("x"), "ops")
    assert isinstance(outcome, RetryLater) and outcome.not_before == NOW + timedelta(hours=1)


def test_410_ends_the_address(hook: WebhookOutlet, peer: WebhookPeer) -> None:
    peer.fail(Fault(410, {"error": "gone"}), ROUTE)
    outcome = hook.post(part("x"), "ops")
    assert isinstance(outcome, Refused) and outcome.ended
    assert outcome.reason.endswith('To send there again: python -m bot deliveries lift "webhook ops"')


def test_a_redirect_is_not_followed(hook: WebhookOutlet, peer: WebhookPeer) -> None:
    peer.fail(Fault(302, "", {"Location": f"{peer.url}/elsewhere"}), ROUTE)
    assert isinstance(hook.post(part("x"), "ops"), RetryLater)
    assert [path for _, path in peer.requests] == [ROUTE]


def test_an_address_that_was_removed_is_refused(hook: WebhookOutlet) -> None:
    assert isinstance(hook.post(part("x"), "former"), Refused)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"addresses": {"a": "http://hooks.example/x"}}, "addresses.a: wanted https://"),
        ({"addresses": {"a": "http://127.0.0.1:8000/x"}}, "addresses.a: wanted https://"),
        ({"addresses": {"a": "https://localhost/x"}}, "allow it with internal: true"),
        ({"addresses": {"a": "https://10.0.0.8/x"}}, "allow it with internal: true"),
        ({"addresses": {"a": "https://169.254.169.254/latest"}}, "allow it with internal: true"),
        ({"addresses": {"a": "https://[fd00::1]/x"}}, "allow it with internal: true"),
        ({"addresses": {"a": "http://hooks.example/x"}, "internal": True}, "addresses.a: wanted https://"),
        ({"addresses": {"a": "https://me:pw@hooks.example/x"}}, "without user name and password"),
        ({"addresses": {"a": "ftp://hooks.example/x"}}, "wanted an https:// address"),
        ({"addresses": {"a": "https://h..example/"}}, "can never be reached"),
        ({"addresses": {"a": f"https://{'h' * 64}.example/"}}, "can never be reached"),
        ({"addresses": {"a": "https://h.example:99999/"}}, "can never be reached"),
        ({"addresses": {"a": "https://h.example:x/"}}, "can never be reached"),
        ({"addresses": {"a": "https://h.example/a b"}}, "can never be reached"),
        ({"addresses": {"a": "https://h.example/a\nb"}}, "can never be reached"),
        ({"addresses": {"a": "https://h.example/"}, "locales": {"b": "tr"}}, "locales.b: no such address; known: a"),
    ],
)
def test_an_address_that_may_not_be_is_named(block: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match="validation error") as error:
        webhook.Settings.model_validate(block)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "10.1",
        "0",
        "127.0.0.1.",
        "127\u30020\u30020\u30021",
        "224.0.0.1",
        "\uff11\uff12\uff17.0.0.1",
        "localhost.",
        "app.localhost",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:a00:1::]",
        "[64:ff9b:1::7f00:1]",
        "[::127.0.0.1]",
    ],
)
def test_an_internal_address_is_found_out_in_every_form_that_a_resolver_takes(host: str) -> None:
    with pytest.raises(ValueError, match="allow it with internal: true"):
        webhook.Settings.model_validate({"addresses": {"a": f"https://{host}/x"}})


@pytest.mark.parametrize("host", ["hooks.example", "8.8.8.8", "notlocalhost", "[2606:4700::1111]", "10.example.com"])
def test_a_public_address_needs_no_permission(host: str) -> None:
    assert webhook.Settings.model_validate({"addresses": {"a": f"https://{host}/x"}}).destinations == ("a",)


def test_internal_addresses_can_be_allowed() -> None:
    allowed = {"a": "http://localhost:8000/x", "b": "https://10.0.0.8/x"}
    assert webhook.Settings.model_validate({"addresses": allowed, "internal": True}).destinations == ("a", "b")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "c2VjcmV0" * 5, "whsec_no base64 at all!!!"])
def test_a_secret_that_is_none_is_named_and_not_shown(secret: str) -> None:
    with pytest.raises(OutletError, match="WEBHOOK_SECRET: wanted whsec_") as error:
        webhook.make_outlet(webhook.Settings(), Path(), {"WEBHOOK_SECRET": SecretStr(secret)}, lambda: NOW)
    assert len(secret) < 10 or secret[6:] not in str(error.value)


def test_doctor_sends_nothing(hook: WebhookOutlet, peer: WebhookPeer) -> None:
    (check,) = hook.check()
    assert check.ok and check.text == "ops" and peer.requests == []


def test_a_body_is_minified_json_in_utf_8(hook: WebhookOutlet, peer: WebhookPeer) -> None:
    hook.post(replace(part("模型"), day=date(2026, 1, 14)), "ops")
    assert json.loads(json.dumps(peer.messages[0]["body"]))["data"]["text"] == "模型"


OWN = "whsec_" + "b" * 32


def test_each_address_can_have_a_secret_of_its_own(peer: WebhookPeer) -> None:
    addresses = {"ops": peer.address, "chat": peer.address}
    secrets = {"WEBHOOK_SECRET": SecretStr(SECRET), "WEBHOOK_SECRET_CHAT": SecretStr(OWN)}
    settings = webhook.Settings.model_validate(
        {"addresses": addresses, "internal": True, "secrets": {"chat": "WEBHOOK_SECRET_CHAT"}}
    )
    made = make_outlet("webhook", settings, Path(), secrets, lambda: NOW)
    assert isinstance(made, WebhookOutlet)
    try:
        ops, chat = (made._keys[name] for name in addresses)
        assert (ops, chat) == (secret_key(SecretStr(SECRET)), secret_key(SecretStr(OWN)))
        assert isinstance(made.post(part("Seven models."), "ops"), Sent)
    finally:
        made.close()


@pytest.mark.parametrize(
    ("own", "missing"),
    [
        ({}, "WEBHOOK_SECRET"),
        ({"ops": "WEBHOOK_SECRET_A"}, "WEBHOOK_SECRET, WEBHOOK_SECRET_A"),
        ({"ops": "WEBHOOK_SECRET_A", "chat": "WEBHOOK_SECRET_B"}, "WEBHOOK_SECRET_A, WEBHOOK_SECRET_B"),
    ],
)
def test_the_secrets_that_are_needed_follow_from_the_addresses(own: dict[str, str], missing: str) -> None:
    addresses = {"ops": "https://a.example", "chat": "https://b.example"}
    settings = webhook.Settings.model_validate({"addresses": addresses, "secrets": own})
    with pytest.raises(OutletError, match=f"webhook: {missing} not set in the environment"):
        make_outlet("webhook", settings, Path(), {}, lambda: NOW)


@pytest.mark.parametrize("wrong", [{"ops": OWN}, {"ops": "X_API_KEY"}])
def test_a_secret_in_place_of_its_variable_is_refused_and_not_shown(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        webhook.Settings.model_validate({"addresses": {"ops": "https://a.example"}, "secrets": wrong})
    (line,) = validation_lines(Path("c"), "outlets.webhook.", error.value, webhook.Settings)
    assert line.startswith("c: outlets.webhook.secrets.ops: String should match") and wrong["ops"] not in line


def test_a_secret_of_an_address_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match=r"secrets\.ops: no such address; known: none"):
        webhook.Settings.model_validate({"secrets": {"ops": "WEBHOOK_SECRET_OPS"}})
