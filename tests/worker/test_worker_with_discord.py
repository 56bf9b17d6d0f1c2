"""The worker as an operator starts it, with Discord's gateway and REST on this machine: it answers while it publishes,
and it publishes whatever happens to the gateway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import ledger, pipeline, store
from bot.cli import service_commands as runs
from bot.cli.app_context import AppContext
from bot.config import ConfigError
from bot.subscriptions import ChannelSubscriptions, SubscriptionOptions
from tests.patience import PATIENCE
from tests.peers.discord_api import CREATE, TOKEN, Fault
from tests.peers.discord_gateway import INVALID, RECONNECT, DiscordGateway
from tests.peers.replicate_api import Fault as SourceFault
from tests.peers.replicate_api import ReplicateApi
from tests.worlds import ONE, snapshot

ROOT = Path(__file__).parents[2]
CHANNEL, SUBSCRIBED = 200000000000000001, 200000000000000002
CONFIG = """
data: {folder}
out: {folder}/out
networks: {{replicate: {{api: "{source}"}}}}
outlets: {{discord: {{destinations: ["{channel}"], api: "{api}"}}}}
schedule: [{{name: daily, at: "00:00"}}]
worker: {{port: 0, tick: 1, grace: 10}}
"""


@dataclass
class Going:
    """A running worker."""

    folder: Path
    peer: DiscordGateway
    process: subprocess.Popen[str]

    @property
    def states(self) -> list[str]:
        opened = store.Store(f"sqlite:///{self.folder}/footfall.db")
        try:
            return [delivery.state for delivery in pipeline.make_outbox(opened).list_deliveries()]
        finally:
            opened.close()

    def until(self, holds: Callable[[], object], seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end and self.process.poll() is None, "it did not come to that"
            time.sleep(0.05)

    def answer(self) -> str:
        reply = self.peer.ask("status")
        assert reply.done.wait(60) and reply.message is not None, "no answer"
        return str(reply.message["embeds"][0]["title"])


def filled(folder: Path) -> None:
    """The days up to yesterday, and a channel that was subscribed two days ago."""
    today = datetime.now(UTC).date()
    opened = store.open_store(f"sqlite:///{folder}/footfall.db")
    for number in range(10):
        ledger.add_snapshot(
            opened, snapshot(today - (10 - number) * ONE, {f"o/m{n}": number * (n + 1) for n in range(5)})
        )
    since = datetime.now(UTC) - timedelta(days=2)
    terms = SubscriptionOptions(datetime.min.time(), "UTC", locale="tr")
    ChannelSubscriptions(opened).save_subscription("100", str(SUBSCRIBED), terms, since)
    opened.close()


@contextmanager
def started(folder: Path, peer: DiscordGateway, grace: int = 10, path: str = str(ROOT)) -> Iterator[Going]:
    for channel in (CHANNEL, SUBSCRIBED):
        peer.channel(channel)
    filled(folder)
    config = folder / "config.yaml"
    secrets = {"DISCORD_TOKEN": TOKEN, "REPLICATE_API_TOKEN": "r8_none"}
    environ = {**os.environ, "PYTHONPATH": path, "FOOTFALL_CONFIG": str(config), **secrets}
    argv = [sys.executable, "-m", "bot", "run"]
    with ReplicateApi([]) as source, (folder / "log").open("w") as log:
        source.always = SourceFault(status=403)
        told = CONFIG.format(folder=folder, channel=CHANNEL, source=source.url, api=peer.url)
        config.write_text(told.replace("grace: 10", f"grace: {grace}"))
        process = subprocess.Popen(argv, env=environ, cwd=folder, stdout=log, stderr=log, text=True)
        try:
            yield Going(folder, peer, process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0, (folder / "log").read_text()
        finally:
            process.kill()
            process.wait()
    text = (folder / "log").read_text()
    assert TOKEN not in text


def test_it_answers_while_it_publishes_and_subscriptions_get_their_post(tmp_path: Path) -> None:
    with DiscordGateway() as peer:
        go_on = threading.Event()
        peer.fail(Fault(gate=go_on, after=True), on=CREATE, channel=CHANNEL)
        with started(tmp_path, peer) as going:
            going.until(lambda: peer.identified)
            going.until(lambda: "sending" in going.states)
            assert going.answer() == "How fresh it is"
            assert "sending" in going.states, "the answer came while the post was on its way"
            go_on.set()
            going.until(lambda: going.states == ["sent", "sent"])
        assert sorted(message["channel_id"] for message in peer.messages) == [str(CHANNEL), str(SUBSCRIBED)]
        assert len(peer.synced) == 1


SLOW = """
import builtins, os, sys, time
real = builtins.__import__

def slowly(name, *more, **named):
    if name.partition(".")[0] == "matplotlib" and "spawn_main" in " ".join(sys.orig_argv):
        with open({marker!r}, "w") as marker:
            marker.write(str(os.getpid()))
        time.sleep(600)
    return real(name, *more, **named)

builtins.__import__ = slowly
"""


def is_running(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_drawing_that_takes_long_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drawing process hangs for ten minutes; the worker ends after its grace, and ends that process too."""
    marker, patches = tmp_path / "draws", tmp_path / "patches"
    patches.mkdir()
    (patches / "sitecustomize.py").write_text(SLOW.format(marker=str(marker)))
    with DiscordGateway() as peer:
        with started(tmp_path, peer, grace=1, path=f"{ROOT}:{patches}") as going:
            going.until(lambda: peer.identified and going.states == ["sent", "sent"])
            peer.ask("usage")
            going.until(lambda: marker.exists() and marker.read_text())
            drawing = int(marker.read_text())
            assert is_running(drawing)
        assert "was abandoned" in (tmp_path / "log").read_text()
    end = time.monotonic() + PATIENCE
    while is_running(drawing):
        assert time.monotonic() < end, "the process that draws outlived the worker"
        time.sleep(0.05)


def test_a_gateway_that_is_away_or_ends_the_session_keeps_no_post_back(tmp_path: Path) -> None:
    with DiscordGateway() as peer:
        peer.closed_to_gateways = True
        with started(tmp_path, peer) as going:
            going.until(lambda: going.states == ["sent", "sent"])
            assert not peer.identified
            peer.closed_to_gateways = False
            going.until(lambda: peer.identified)
            assert going.answer() == "How fresh it is"
            peer.tell(RECONNECT)
            going.until(lambda: peer.resumed)
            assert going.answer() == "How fresh it is"
            peer.tell(INVALID, False)
            going.until(lambda: len(peer.identified) == 2)
            assert going.answer() == "How fresh it is"
            leaves(going)
        assert len(peer.messages) == 2


def leaves(going: Going) -> None:
    """An outage of a server does not end its subscriptions; the bot's removal does."""
    peer, opened = going.peer, store.Store(f"sqlite:///{going.folder}/footfall.db")
    channels = ChannelSubscriptions(opened)
    peer.happens("GUILD_CREATE", peer.server(100))
    peer.happens("GUILD_DELETE", {"id": "100", "unavailable": True})
    assert going.answer() == "How fresh it is"
    assert len(channels.all_subscriptions()) == 1
    peer.happens("GUILD_CREATE", peer.server(100))
    peer.happens("GUILD_DELETE", {"id": "100"})
    going.until(lambda: not channels.all_subscriptions())
    opened.close()


# --- whether it answers at all -----------------------------------------------------------------------------------


def sides(folder: Path, monkeypatch: pytest.MonkeyPatch, slash: str, token: str) -> list[str]:
    """The background services for a setting and a token."""
    monkeypatch.setenv("DISCORD_TOKEN", token)
    path = folder / "config.yaml"
    path.write_text(f"data: {folder}\nnetworks: {{replicate: {{}}}}\nworker: {{{slash}}}\n")
    return [side.name for side in runs._discord_services(AppContext(path), path, lambda: True)]


def test_slash_commands_are_answered_wherever_there_is_a_token_and_nobody_forbids_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sides(tmp_path, monkeypatch, "", TOKEN) == ["slash"]
    assert sides(tmp_path, monkeypatch, "slash: true", TOKEN) == ["slash"]
    assert sides(tmp_path, monkeypatch, "slash: false", TOKEN) == []
    assert sides(tmp_path, monkeypatch, "", "") == []
    with pytest.raises(ConfigError, match=r"worker\.slash: found true, wanted DISCORD_TOKEN"):
        sides(tmp_path, monkeypatch, "slash: true", "")


def test_the_configuration_decides_for_the_house(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    owner = "300000000000000001"
    discord = {"owners": [owner], "sharded_from": 7, "per_server": 1, "per_member": 2}
    path.write_text(
        CONFIG.format(folder=tmp_path, channel=CHANNEL, source="https://r.example", api="https://d.example")
        + f"\ndiscord: {json.dumps(discord)}\n"
    )
    house = runs._bot_settings(AppContext(path))
    assert (house.owners, house.sharded_from) == (frozenset({int(owner)}), 7)
    assert (house.bounds.per_server, house.bounds.per_member, house.bounds.watches) == (1, 2, 10_000)
    assert (house.posts, house.outlets, house.taken) == (True, ("discord", "direct"), frozenset({str(CHANNEL)}))
    assert house.closed == {"replicate"} and house.api == "https://d.example"
