from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from bot import ledger, store
from bot.cli import cli, outlet_setup
from bot.cli.app_context import AppContext
from bot.records import FootfallError
from bot.subscriptions import ChannelSubscriptions, SubscriptionOptions
from tests import publishing, worlds
from tests.peers.discord_api import error
from tests.publishing import CHANNEL, LAST, Peers

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers() as served:
        yield served


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'f.db'}"
    publishing.fill(address)
    return address


@pytest.fixture
def run(peers: Peers, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command; returns its result, with the exit code of our own errors."""
    peers.forget()
    for name, value in {**peers.secrets, "DATABASE_URL": url, "REPLICATE_API_TOKEN": ""}.items():
        monkeypatch.setenv(name, value)
    path = publishing.configured(tmp_path, peers)

    def command(*argv: str) -> Result:
        done = CliRunner().invoke(cli, ["--config", str(path), *argv], standalone_mode=False)
        if isinstance(done.exception, FootfallError):
            done.exit_code = done.exception.exit_code
        elif done.exception:
            raise done.exception
        else:
            done.exit_code = done.return_value or 0
        return done

    return command


def listed(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("deliveries", "list", "--json").output)["deliveries"]
    return rows


def test_publishing_sends_to_each_outlet_once(run: Run, peers: Peers) -> None:
    assert run("publish", "--day", str(LAST)).exit_code == 0
    again = run("publish", "--day", str(LAST))
    assert again.exit_code == 0
    assert len(peers.posts("x")) == len(peers.posts("discord")) == 1
    assert {row["outlet"]: row["state"] for row in listed(run)} == {"x": "sent", "discord": "sent"}


def test_one_outlets_refusal_spares_the_other_and_ends_partly_done(run: Run, peers: Peers) -> None:
    peers.x.fail("400")
    done = run("publish", "--day", str(LAST))
    assert done.exit_code == 3 and "refused since" in done.output
    assert {row["outlet"]: row["state"] for row in listed(run)} == {"x": "refused", "discord": "sent"}
    (refused,) = [row for row in listed(run) if row["state"] == "refused"]
    assert run("deliveries", "retry", str(refused["id"])).exit_code == 0
    assert run("publish", "--day", str(LAST)).exit_code == 0
    assert len(peers.posts("x")) == 1


def test_when_nothing_gets_out_it_failed(run: Run, peers: Peers) -> None:
    peers.discord.fail(error(403, 50013, "Missing Permissions"))
    assert run("publish", "--day", str(LAST), "--outlet", "discord").exit_code == 1


def test_an_outlet_is_paused_by_hand_until_it_is_lifted(run: Run, peers: Peers) -> None:
    assert run("deliveries", "pause", "nowhere").exit_code == 2
    assert run("deliveries", "pause", "x").exit_code == 0
    assert run("deliveries", "pause", "x").exit_code == 2
    assert "an operator paused it" in run("deliveries", "list").output
    run("publish", "--day", str(LAST), "--outlet", "x")
    assert peers.posts("x") == []
    assert run("deliveries", "lift", "x").exit_code == 0
    run("publish", "--day", str(LAST), "--outlet", "x")
    assert len(peers.posts("x")) == 1


def test_a_refused_account_is_said_and_can_be_lifted(run: Run, peers: Peers) -> None:
    peers.x.fail("402 before", "/2/media/upload")
    done = run("publish", "--day", str(LAST), "--outlet", "x")
    assert done.exit_code == 1 and "deliveries lift x" in done.output
    assert run("deliveries", "lift", "x").exit_code == 0
    assert run("deliveries", "lift", "x").exit_code == 2
    assert run("publish", "--day", str(LAST), "--outlet", "x").exit_code == 0


def test_a_dry_run_needs_no_keys_posts_nothing_and_says_so_on_every_line(
    run: Run, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in peers.secrets:
        monkeypatch.delenv(name)
    for argv in (["publish", "--dry-run"], ["publish", "--dry-run", "--day", str(LAST)]):
        done = run(*argv)
        assert done.exit_code == 0
        assert done.output.splitlines() and all(line.startswith("DRY RUN ") for line in done.output.splitlines())
        assert "12 March 2025" in done.output and "estimated cost" in done.output
    assert peers.posts("x") == peers.posts("discord") == [] and listed(run) == []


def test_a_closed_record_is_never_due(run: Run, peers: Peers) -> None:
    done = run("publish")
    assert done.exit_code == 0 and "its record is closed" in done.output
    assert peers.posts("x") == []


def test_a_missing_key_disables_only_its_outlet_visibly(
    run: Run, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("X_API_KEY")
    done = run("publish", "--day", str(LAST))
    assert done.exit_code == 0 and "x: X_API_KEY not set" in done.output
    assert len(peers.posts("discord")) == 1
    monkeypatch.delenv("DISCORD_TOKEN")
    assert run("publish", "--day", str(LAST)).exit_code == 2


@pytest.mark.parametrize(
    "argv",
    [
        ["publish", "--outlet", "telegraph"],
        ["publish", "--day", "2031-01-01"],
        ["deliveries", "resolve", "1"],
        ["deliveries", "resolve", "1", "--sent", "there"],
        ["send-test", "--outlet", "nowhere"],
    ],
)
def test_what_cannot_be_asked_is_bad_usage(run: Run, argv: list[str]) -> None:
    assert run(*argv).exit_code == 2


def test_what_arrives_late_is_corrected_in_place_with_the_old_value_struck_through(
    run: Run, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The day before the week.
    week, late = ("publish", "--period", "week", "--day", str(publishing.DAYS[4])), 1
    arrive = missing_day(late, tmp_path, monkeypatch)
    assert run(*week).exit_code == 0
    arrive()
    assert run(*week).exit_code == 0
    rows = {(row["outlet"], row["edition"]): (row["kind"], row["state"]) for row in listed(run)}
    assert rows["discord", 2] == rows["x", 2] == ("correction", "sent")
    (message,), (post,) = peers.discord.messages, peers.x.posts
    description = message["embeds"][0]["description"]
    assert message["edited_timestamp"] and "**Correction**" in description and "~~" in description
    assert post["sent"].startswith("Correction") and post["edits"]


def missing_day(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A ledger without one of the days; call the result to add it."""
    url, late = f"sqlite:///{tmp_path / 'late.db'}", publishing.DAYS[number]
    monkeypatch.setenv("DATABASE_URL", url)
    publishing.fill(url, tuple(day for day in publishing.DAYS if day != late))

    def arrive() -> None:
        opened = store.open_store(url)
        ledger.add_snapshot(opened, worlds.snapshot(late, {f"o/m{n}": number * (n + 1) for n in range(5)}))
        opened.close()

    return arrive


def test_a_day_of_whose_use_nothing_is_known_is_posted_once_it_is_known(
    run: Run, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive = missing_day(len(publishing.DAYS) - 2, tmp_path, monkeypatch)
    run("publish", "--day", str(LAST))
    assert {row["state"] for row in listed(run)} == {"skipped"} and peers.posts("x") == []
    assert all("the next known day tells of it" in row["last_error"] for row in listed(run))
    arrive()
    assert run("publish", "--day", str(LAST)).exit_code == 0
    assert {row["outlet"]: row["state"] for row in listed(run)} == {"x": "sent", "discord": "sent"}
    assert len(peers.posts("x")) == len(peers.posts("discord")) == 1


def test_a_test_post_says_that_it_is_one(run: Run, peers: Peers) -> None:
    done = run("send-test", "--outlet", "discord", "--destination", CHANNEL)
    assert done.exit_code == 0 and "sent: https://discord.com/channels/100/" in done.output
    assert peers.discord.messages[0]["content"].startswith("A test of Footfall")
    assert listed(run) == []


# --- languages -----------------------------------------------------------------------------------------------------


OTHER = "200000000000000002"


def test_each_destination_is_posted_to_in_its_own_language(
    run: Run, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers.discord.channel(int(OTHER))
    spoken = f'["{CHANNEL}", {{id: {OTHER}, locale: ar}}]'
    publishing.configured(tmp_path, peers, x_locale="vi", channels=spoken)
    assert run("publish", "--day", str(LAST)).exit_code == 0
    titles = {str(row["channel_id"]): row["embeds"][0]["title"] for row in peers.discord.messages}
    assert titles == {CHANNEL: "Replicate, 12 March 2025", OTHER: "\u2068Replicate\u2069، 12 مارس 2025"}
    (post,) = peers.x.posts
    assert post["sent"].startswith("Trên Replicate, ")


def test_a_dry_run_shows_every_language_that_would_be_posted(run: Run, peers: Peers, tmp_path: Path) -> None:
    spoken = f'["{CHANNEL}", {{id: {OTHER}, locale: zh-CN}}]'
    publishing.configured(tmp_path, peers, x_locale="tr", channels=spoken)
    done = run("publish", "--dry-run", "--day", str(LAST))
    for wanted in ("12 March 2025", "2025年3月12日", "12 Mart 2025"):
        assert wanted in done.output


@pytest.mark.parametrize("outlet", ["x", "discord"])
def test_preview_speaks_the_outlets_language_or_the_one_asked_for(
    run: Run, peers: Peers, tmp_path: Path, outlet: str
) -> None:
    publishing.configured(tmp_path, peers, x_locale="es", channels=f"[{{id: {CHANNEL}, locale: es-ES}}]")
    assert run("compose", "--day", str(LAST)).exit_code == 0
    pair = ("preview", "--day", str(LAST), "--outlet", outlet)
    assert "12 de marzo de 2025" in run(*pair).output
    assert "12 March 2025" in run(*pair, "--locale", "en").output
    (result,) = json.loads(run(*pair, "--locale", "zh-CN", "--json").output)
    assert result["locale"] == "zh-CN" and "2025年3月12日" in json.dumps(result, ensure_ascii=False)


def test_a_language_that_there_is_none_of_is_a_mistake_in_the_configuration(
    run: Run, peers: Peers, tmp_path: Path
) -> None:
    publishing.configured(tmp_path, peers, x_locale="tlh", channels=f"[{{id: {CHANNEL}, locale: fr}}, {{id: 5}}]")
    done = run("publish", "--day", str(LAST))
    text = str(done.exception)
    assert done.exit_code == 2
    assert "outlets.x.locale: found 'tlh': wanted one of en, ar, zh-CN, es-ES, vi, tr" in text
    assert f"outlets.discord.locales.{CHANNEL}: found 'fr': wanted one of" in text
    assert "outlets.discord.destinations.1" in text


def test_an_arabic_post_whose_answer_was_lost_is_found_again(run: Run, peers: Peers, tmp_path: Path) -> None:
    """The text that is searched for contains its direction marks."""
    publishing.configured(tmp_path, peers, outlets=("x",), x_locale="ar")
    peers.x.fail("500 after accepting")
    run("publish", "--day", str(LAST), "--outlet", "x")
    for _ in range(3):
        run("publish", "--day", str(LAST), "--outlet", "x")
    assert len(peers.posts("x")) == 1


def test_a_subscription_of_one_of_our_own_channels_changes_nothing_there(
    run: Run, url: str, peers: Peers, tmp_path: Path
) -> None:
    opened = store.open_store(url)
    quiet = SubscriptionOptions(time(3), "UTC", (), "tr", 0.9, (time(0), time(23, 59)))
    for channel in (CHANNEL, "299999999999999998"):
        ChannelSubscriptions(opened).save_subscription("1", channel, quiet, datetime(2025, 1, 1, tzinfo=UTC))
    parts = AppContext(tmp_path / "config.yaml")
    assert [subscription.channel for subscription in outlet_setup.active_subscriptions(parts)] == ["299999999999999998"]
    parts.close()
    assert run("publish", "--day", str(LAST)).exit_code == 0
    with opened.read_transaction() as connection:
        kept = [tuple(row) for row in connection.execute(sa.select(store.receipts.c.destination, store.receipts.c.url))]
    opened.close()
    assert all(address for place, address in kept if place == CHANNEL) and len(kept) == 2
    (message,) = peers.discord.messages
    assert message["embeds"][0]["title"] == "Replicate, 12 March 2025"
