"""A canary in every secret shows up nowhere, whatever fails: no log, output, stored error, JSON, traceback, repr."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from bot import store
from bot.cli import cli
from bot.cli.parts import Parts
from tests import publishing
from tests.peers.discord_api import Fault
from tests.peers.x_api import Failure
from tests.publishing import LAST, Peers

CANARIES = {
    "X_API_KEY": "canarykeyAAAAAAAAAAAAAAAA",
    "X_API_SECRET": "canarysecretBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
    "X_ACCESS_TOKEN": "900100200300-canarytokenCCCCCCCCCCCCCCCCCCC",
    "X_ACCESS_TOKEN_SECRET": "canarytokensecretDDDDDDDDDDDDDDDDDDDDDDDDDDDD",
    "DISCORD_TOKEN": "MTA.canary.discord/token+with=odd&signs",
    "REPLICATE_API_TOKEN": "r8_canaryreplicateEEEEEEEEEEEEEEEEEEE",
}
"""X's are the keys that its peer knows, so that its signatures hold; Discord's is one that its peer refuses."""


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers() as served:
        yield served


def echoing(words: str) -> dict[str, object]:
    """What a platform answers that sends our secrets back to us."""
    return {"title": "Forbidden", "detail": words, "message": words, "code": 0, "type": "about:blank"}


def echo(*names: str) -> str:
    """A platform's words that hold the secrets it was sent, plain and percent-encoded."""
    return " ".join([*(CANARIES[name] for name in names), *(quote(CANARIES[name], safe="") for name in names)])


STATUSES = (400, 401, 402, 403, 404, 429, 500, 503)


def leaks(text: str) -> list[str]:
    forms = {form for value in CANARIES.values() for form in (value, quote(value, safe=""))}
    return sorted(form for form in forms if form in text)


def stored(url: str) -> str:
    """Every text in the database."""
    opened = store.opened(url)
    with opened.reading() as connection:
        rows = [
            connection.execute(sa.select(table)).all() for table in (store.deliveries, store.paused, store.receipts)
        ]
    opened.close()
    return repr(rows)


@pytest.mark.parametrize("status", STATUSES)
def test_no_secret_shows_whatever_a_platform_answers(
    peers: Peers,
    tmp_path: Path,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"sqlite:///{tmp_path / 'f.db'}"
    publishing.fill(url)
    config = publishing.configured(tmp_path, peers)
    for name, value in {**CANARIES, "DATABASE_URL": url, "REPLICATE_API_TOKEN": ""}.items():
        monkeypatch.setenv(name, value)
    keys = [name for name in CANARIES if name.startswith("X_")]
    for route in ("/2/media/upload", "/2/tweets", "/2/users/me", "/2/users/{id}/tweets"):
        peers.x.fail(Failure(status, echoing(echo(*keys))), route, times=2)
    peers.discord.fail(Fault(status, echoing(echo("DISCORD_TOKEN"))), on="GET /users/@me", times=2)
    runner, said = CliRunner(), ""
    with caplog.at_level(logging.DEBUG):
        for arguments in (
            ["publish", "--day", str(LAST)],
            ["deliveries", "list"],
            ["deliveries", "list", "--json"],
            ["doctor"],
            ["doctor", "--json"],
            ["config"],
            ["send-test", "--outlet", "discord"],
        ):
            done = runner.invoke(cli, ["--config", str(config), *arguments])
            assert done.exception is None or isinstance(done.exception, SystemExit | Exception)
            said += done.output + repr(done.exception)
    peers.x._plans.clear()
    peers.discord.armed.clear()
    assert "replicate" in said and leaks(said) == []
    assert leaks(stored(url)) == []
    assert leaks(caplog.text) == [], [r for r in caplog.records if leaks(r.getMessage())]


def test_no_secret_shows_in_the_log_of_the_web_process(peers: Peers, tmp_path: Path) -> None:
    """Somebody asks for our own secrets while the database is broken: the address that failed stands in the log."""
    config, file = publishing.configured(tmp_path, peers), tmp_path / "f.db"
    publishing.fill(f"sqlite:///{file}")
    environment = {**os.environ, **CANARIES, "DATABASE_URL": f"sqlite:///{file}"}
    command = [sys.executable, "-m", "bot", "--config", str(config), "web", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.match(r"Footfall: (http://127\.0\.0\.1:\d+)/", line)
            assert found, (line, process.communicate(timeout=20))
            with httpx.Client(base_url=found[1]) as client:
                assert client.get("/api/status").status_code == 200
                file.write_bytes(b"no database at all" * 1000)
                for wal in tmp_path.glob("f.db-*"):
                    wal.unlink()
                answers = [client.get(f"/api/model/{quote(value, safe='')}") for value in CANARIES.values()]
            process.send_signal(signal.SIGTERM)
            _, logged = process.communicate(timeout=20)
        finally:
            process.kill()
    assert {answer.status_code for answer in answers} <= {500, 503}
    lines = [json.loads(line) for line in logged.splitlines()]
    failed = [line for line in lines if line["event"] in ("database", "unexpected")]
    assert len(failed) == len(CANARIES) and all("[redacted]" in line["path"] for line in failed)
    assert leaks(logged) == []


def test_no_secret_shows_in_a_repr(tmp_path: Path, peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:canarypassword@/x?host=/nowhere")
    parts = Parts(publishing.configured(tmp_path, peers))
    told = repr(parts.settings) + repr(parts) + repr(vars(parts)) + str(parts.settings.secrets)
    assert leaks(told) == [] and "canarypassword" not in told


def test_the_test_would_notice_a_leak() -> None:
    at = datetime.now(UTC)
    assert leaks(f"{at}: Authorization: Bot {CANARIES['DISCORD_TOKEN']}") == [CANARIES["DISCORD_TOKEN"]]
    assert leaks(quote(CANARIES["DISCORD_TOKEN"], safe="")) == [quote(CANARIES["DISCORD_TOKEN"], safe="")]
