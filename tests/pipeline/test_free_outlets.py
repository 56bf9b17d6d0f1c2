"""Bluesky, Mastodon and webhooks through the command line: languages, corrections, an address that ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.records import FootfallError
from tests import publishing
from tests.peers.bluesky_pds import BlueskyPeer
from tests.peers.failing_server import Fault
from tests.peers.mastodon_api import MastodonPeer
from tests.peers.webhook_receiver import ROUTE, WebhookPeer
from tests.peers.x_api import NAME
from tests.publishing import LAST, Peers

Run = Callable[..., Result]
BEFORE = LAST - timedelta(days=1)


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers(others=True) as served:
        yield served


@pytest.fixture
def folder(peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A filled database and a configuration of the free outlets."""
    peers.forget()
    url = f"sqlite:///{tmp_path / 'f.db'}"
    publishing.fill(url)
    for name, value in {**peers.secrets, "DATABASE_URL": url, "REPLICATE_API_TOKEN": ""}.items():
        monkeypatch.setenv(name, value)
    publishing.configured(tmp_path, peers, ("bluesky", "mastodon", "webhook"))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def command(*argv: str) -> Result:
        done = CliRunner().invoke(cli, ["--config", str(folder / "config.yaml"), *argv], standalone_mode=False)
        if isinstance(done.exception, FootfallError):
            done.exit_code = done.exception.exit_code
        elif done.exception:
            raise done.exception
        else:
            done.exit_code = done.return_value or 0
        return done

    return command


def edit_config(folder: Path, old: str, new: str) -> None:
    path = folder / "config.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def states(run: Run) -> dict[str, str]:
    """Outlet and destination to the state of the newest delivery there."""
    rows: list[dict[str, Any]] = json.loads(run("deliveries", "list", "--json").output)["deliveries"]
    return {f"{row['outlet']} {row['destination']}": row["state"] for row in rows}


def others(peers: Peers) -> tuple[BlueskyPeer, MastodonPeer, WebhookPeer]:
    bluesky, mastodon, webhook = (peers.others[name] for name in ("bluesky", "mastodon", "webhook"))
    assert isinstance(bluesky, BlueskyPeer)
    assert isinstance(mastodon, MastodonPeer)
    assert isinstance(webhook, WebhookPeer)
    return bluesky, mastodon, webhook


def test_every_outlet_gets_what_the_preview_and_the_dry_run_show(run: Run, peers: Peers, folder: Path) -> None:
    edit_config(folder, "outlets:\n", "outlets:\n  site: {url: 'https://f.example'}\n")
    preview, dry = run("preview", "--day", str(LAST)).output, run("publish", "--dry-run", "--day", str(LAST)).output
    assert run("publish", "--day", str(LAST)).exit_code == 0
    assert run("publish", "--day", str(LAST)).exit_code == 0
    bluesky, mastodon, webhook = others(peers)
    texts = [bluesky.posts[0]["text"], mastodon.posts[0]["sent"], webhook.messages[0]["body"]["data"]["text"]]
    for title, text in zip(("Bluesky", "Mastodon", "Webhook"), texts, strict=True):
        assert f"== What {title} would get" in preview and text in preview
        assert "\n".join(f"DRY RUN {line}" for line in text.splitlines()) in dry
    assert [len(peer.posts) for peer in others(peers)] == [1, 1, 1]
    page = f"https://f.example/replicate/{LAST}/index.html"
    assert texts[0].endswith("All figures, and what is not known") and page in texts[1]
    assert bluesky.posts[0]["facets"][0]["features"][0]["uri"] == page
    data = webhook.messages[0]["body"]["data"]
    assert data["page"] == page and data["catalogues"][0]["figures"]["models_listed"]["value"] == 5
    assert len(bluesky.posts[0]["embed"]["images"]) == len(mastodon.posts[0]["media"]) == 1


def test_accounts_of_one_name_on_two_outlets_have_their_own_languages(run: Run, peers: Peers, folder: Path) -> None:
    edit_config(folder, "mastodon: {destinations: [footfall]", f"mastodon: {{destinations: [{NAME}], locale: es-ES")
    edit_config(folder, "  bluesky:", f'  x: {{destinations: [{NAME}], host: "{peers.x.url}"}}\n  bluesky:')
    assert run("publish", "--day", str(LAST)).exit_code == 0
    assert peers.x.posts[0]["sent"].startswith("On ") and others(peers)[1].posts[0]["sent"].startswith("En ")


def test_a_correction_is_a_reply_an_edit_and_a_further_message(run: Run, peers: Peers, folder: Path) -> None:
    assert run("publish", "--day", str(LAST)).exit_code == 0
    publishing.tamper(f"sqlite:///{folder / 'f.db'}")
    assert run("publish", "--day", str(LAST)).exit_code == 0
    bluesky, mastodon, webhook = others(peers)
    first, reply = bluesky.posts
    assert reply["reply"]["parent"]["uri"].endswith(first["id"]) and reply["text"].startswith("Correction.")
    assert [row["sent"].split()[0] for row in mastodon.posts] == ["Correction."]
    assert [message["body"]["type"] for message in webhook.messages] == ["digest.published", "digest.corrected"]
    assert webhook.messages[0]["id"] != webhook.messages[1]["id"]
    assert [message["body"]["data"]["edition"] for message in webhook.messages] == [1, 2]


def test_an_address_that_answers_410_gets_nothing_more_until_it_is_lifted(run: Run, peers: Peers, folder: Path) -> None:
    webhook = others(peers)[2]
    edit_config(folder, "addresses: {ops:", f'addresses: {{team: "{webhook.url}{ROUTE}", ops:')
    webhook.fail(Fault(410, {}), ROUTE)
    assert run("publish", "--day", str(BEFORE), "--outlet", "webhook").exit_code == 3
    ended, kept = sorted(states(run), key=lambda place: states(run)[place] != "refused")
    assert states(run) == {ended: "refused", kept: "sent"}
    assert f"{ended} is paused" in run("deliveries", "list").output
    assert f"deliveries lift '{ended}'" in run("doctor").output
    run("publish", "--day", str(LAST), "--outlet", "webhook")
    assert states(run) == {ended: "planned", kept: "sent"} and len(webhook.messages) == 2
    assert run("deliveries", "lift", ended).exit_code == 0
    assert run("publish", "--day", str(LAST), "--outlet", "webhook").exit_code == 0
    assert states(run) == {ended: "sent", kept: "sent"} and len(webhook.messages) == 3


def test_a_receiver_that_is_down_gets_the_message_later_with_the_same_id(run: Run, peers: Peers) -> None:
    webhook = others(peers)[2]
    webhook.fail(Fault(503, {}), ROUTE)
    run("publish", "--day", str(LAST), "--outlet", "webhook")
    assert states(run) == {"webhook ops": "planned"} and webhook.messages == []
    (row,) = json.loads(run("deliveries", "list", "--json").output)["deliveries"]
    assert run("deliveries", "retry", str(row["id"])).exit_code == 0
    assert run("publish", "--day", str(LAST), "--outlet", "webhook").exit_code == 0
    assert [message["id"] for message in webhook.messages] == [f"msg_{marker_of(row)}"]


def marker_of(row: dict[str, Any]) -> str:
    from bot.outlets import part_marker

    key = [row[name] for name in ("network", "period", "day", "edition", "outlet", "destination", "part")]
    return part_marker(*key)


def test_doctor_says_of_each_outlet_what_it_is(run: Run, peers: Peers) -> None:
    lines = run("doctor").output
    for line in (
        "posts as footfall.test.example",
        "posts as footfall",
        "the server allows 500",
        "webhook: addresses: ops",
    ):
        assert line in lines, line
    assert [len(peer.posts) for peer in others(peers)] == [0, 0, 0]


def test_a_test_message_is_marked_as_one(run: Run, peers: Peers) -> None:
    for outlet in ("bluesky", "mastodon", "webhook"):
        assert run("send-test", "--outlet", outlet).exit_code == 0
    bluesky, mastodon, webhook = others(peers)
    assert "A test of Footfall" in bluesky.posts[0]["text"] and "A test of Footfall" in mastodon.posts[0]["sent"]
    assert webhook.messages[0]["body"]["type"] == "test"


def test_posts_can_be_threads(run: Run, peers: Peers, folder: Path) -> None:
    long = folder / "long"
    long.mkdir()
    url = f"sqlite:///{long / 'f.db'}"
    publishing.fill_long(url)
    edit_config(folder, "bluesky: {", "bluesky: {thread: true, ")
    run_at = CliRunner(env={"DATABASE_URL": url})
    argv = [
        "--config",
        str(folder / "config.yaml"),
        "publish",
        "--day",
        str(publishing.LONG[-1]),
        "--outlet",
        "bluesky",
    ]
    assert run_at.invoke(cli, argv, standalone_mode=False).return_value in (0, None)
    first, *rest = others(peers)[0].posts
    assert rest and all(row["reply"]["root"]["uri"].endswith(first["id"]) for row in rest)
    assert rest[0]["reply"]["parent"]["uri"].endswith(first["id"]) and "(1/" in first["text"]
