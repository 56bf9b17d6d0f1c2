"""A canary in every secret appears nowhere, whatever fails: no log, output, stored error, JSON, traceback, repr."""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
import stamina
from click.testing import CliRunner, Result

from bot import store
from bot.cli import cli, main, outlet_setup
from bot.cli.app_context import AppContext
from bot.records import FootfallError
from bot.redaction import REDACTED
from tests import databases, publishing
from tests.outlets.rig_discord import hurried
from tests.patience import PATIENCE, make_client
from tests.peers.discord_api import CREATE, Fault
from tests.peers.ports import reserved
from tests.peers.postgres import Postgres
from tests.peers.replicate_api import Fault as ListFault
from tests.peers.replicate_api import ReplicateApi
from tests.peers.x_api import KEYS, Failure
from tests.publishing import LAST, Peers

ROOT = Path(__file__).parents[1]
CANARIES = {
    **KEYS,
    "DISCORD_TOKEN": "MTA.canary.discord/token+with=odd&signs",
    "REPLICATE_API_TOKEN": "r8_canaryreplicateEEEEEEEEEEEEEEEEEEE",
    "OPENROUTER_API_KEY": "sk-or-v1-canaryopenrouterIIIIIIIIIII",
    "AWS_ACCESS_KEY_ID": "AKIACANARYFFFFFFFFFF",
    "AWS_SECRET_ACCESS_KEY": "canaryaws/GGGG+GGGGGGGGGGGGGGGGGGGGGGGGGG",
    "AWS_SESSION_TOKEN": "canarysession/HHHH+HHHHHHHHHHHHH==",
}
"""X's are the keys of its peer, so that its signatures are valid; the others are unusual."""
PASSWORDS = {"DATABASE_URL": "canarydatabase", "HTTPS_PROXY": "canaryproxy"}
"""Passwords inside a URL."""


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with publishing.peers() as served:
        yield served


def echoing(words: str) -> dict[str, object]:
    """The response of a platform that echoes our secrets."""
    return {"title": "Forbidden", "detail": words, "message": words, "code": 0, "type": "about:blank"}


def echo(*names: str) -> str:
    """A platform's text with the secrets it got, plain and percent-encoded."""
    return " ".join([*(CANARIES[name] for name in names), *(quote(CANARIES[name], safe="") for name in names)])


WAYS = (400, 401, 402, 403, 404, 429, 500, 503, "drop", "truncate", "redirect", "no JSON")


def leaks(text: str) -> list[str]:
    plain = {*CANARIES.values(), *PASSWORDS.values()}
    forms = plain | {quote(value, safe="") for value in plain} | {json.dumps(value)[1:-1] for value in plain}
    return sorted(form for form in forms if form in text)


def with_password(url: str) -> str:
    """The URL of a PostgreSQL that accepts any password, with one."""
    return url.replace("footfall@", f"footfall:{PASSWORDS['DATABASE_URL']}@")


def environment(url: str) -> dict[str, str]:
    """All our secrets, and those that libraries read by themselves."""
    proxy = f"http://someone:{PASSWORDS['HTTPS_PROXY']}@127.0.0.1:9"
    here = {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "NO_PROXY": "127.0.0.1,localhost"}
    return {**CANARIES, **here, "DATABASE_URL": url}


def stored(url: str) -> str:
    """Every text in the database."""
    opened = store.open_store(url)
    with opened.read_transaction() as connection:
        rows = [connection.execute(sa.select(table)).all() for table in store.tables.sorted_tables]
    opened.close()
    return repr(rows)


def failing(peers: Peers, way: int | str) -> None:
    """Let the next requests fail in this way, with our own secrets in the response."""
    x, discord = (echoing(echo(*names)) for names in (tuple(KEYS), ("DISCORD_TOKEN",)))
    moved = {"Location": f"http://127.0.0.1:9/?{quote(CANARIES['DISCORD_TOKEN'])}&{CANARIES['X_API_SECRET']}"}
    odd: dict[int | str, tuple[Failure, Fault]] = {
        "drop": (Failure(how="drop"), Fault(drop=True)),
        "truncate": (Failure(how="truncate", after=True), Fault(200, json.dumps(discord)[:-9])),
        "redirect": (Failure(307, x, moved), Fault(307, discord, moved)),
        "no JSON": (Failure(200, str(x)), Fault(200, str(discord), content_type="text/html")),
    }
    for_x, for_discord = odd.get(way) or (Failure(int(way), x), Fault(int(way), discord))
    for route in ("/2/media/upload", "/2/tweets", "/2/users/me", "/2/users/{id}/tweets"):
        peers.x.fail(for_x, route, times=2)
    for on in (CREATE, "GET /users/@me"):
        peers.discord.fail(for_discord, on=on, times=2)


def configured(folder: Path, peers: Peers, api: ReplicateApi) -> Path:
    """Both platforms and a network's list of models, all on this machine."""
    path = publishing.configured(folder, peers)
    block = f"{{api: {api.url}, headline: {{catalogue: models, figure: models_used}}}}"
    path.write_text(re.sub(r"(?m)^  replicate: .*$", f"  replicate: {block}", path.read_text()))
    return path


def told(done: Result) -> str:
    """All output of a command, and its pending exception."""
    trace = traceback.format_exception(*done.exc_info) if done.exc_info else []
    return done.output + repr(done.exception) + "".join(trace)


@pytest.fixture(autouse=True)
def _hurried() -> Iterator[None]:
    """No pauses between attempts."""
    with stamina.set_testing(True, attempts=2), hurried():
        yield


@pytest.fixture
def api() -> Iterator[ReplicateApi]:
    with ReplicateApi([]) as replicate_api:
        yield replicate_api


@pytest.fixture(scope="module")
def filled(postgres: Postgres) -> str:
    """A ledger from which nothing was published."""
    url = with_password(postgres.database())
    publishing.fill(url)
    return url


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_shows_whatever_fails(
    peers: Peers,
    api: ReplicateApi,
    filled: str,
    tmp_path: Path,
    way: int | str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = filled
    publishing.unpublish(url)
    config = configured(tmp_path, peers, api)
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(peers.discord, "token", CANARIES["DISCORD_TOKEN"])
    api.always = ListFault(way if isinstance(way, int) else 500, body=json.dumps(echo(*CANARIES)).encode())
    api.always.drops = way in ("drop", "truncate")
    runner, text = CliRunner(), ""
    with caplog.at_level(logging.DEBUG):
        for arguments in (
            ["publish", "--day", str(LAST)],
            ["deliveries", "list"],
            ["deliveries", "list", "--json"],
            ["collect"],
            ["doctor"],
            ["doctor", "--json"],
            ["status", "--json"],
            ["config"],
            ["send-test", "--outlet", "discord"],
            ["send-test", "--outlet", "x"],
        ):
            failing(peers, way)
            done = runner.invoke(cli, ["--config", str(config), *arguments])
            assert done.exception is None or isinstance(done.exception, SystemExit | FootfallError), done.exception
            text += (
                done.output + repr(done.exception) + "".join(traceback.format_exception(*done.exc_info or (None,) * 3))
            )
            peers.x._plans.clear()
            peers.discord.armed.clear()
    assert "replicate" in text and leaks(text) == []
    assert len(api.asked) and api.asked[0].authorization.endswith(CANARIES["REPLICATE_API_TOKEN"]), "it was used"
    assert leaks(stored(url)) == []
    # What discord.py says of an answer at the level of DEBUG is shown by no configuration.
    shown = [record for record in caplog.records if record.levelno >= logging.INFO or record.name.startswith("bot")]
    assert [record for record in shown if leaks(record.getMessage())] == []


def test_no_secret_shows_where_the_way_out_is_shut(
    peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """First the proxy does not answer, then the database."""
    url = f"sqlite:///{tmp_path / 'f.db'}"
    publishing.fill(url)
    config, runner, text = publishing.configured(tmp_path, peers), CliRunner(), ""
    nowhere = f"postgresql://someone:{PASSWORDS['DATABASE_URL']}@/x?host={tmp_path}/nowhere"
    with caplog.at_level(logging.DEBUG):
        for database in (url, nowhere):
            for name, value in {**environment(database), "NO_PROXY": "", "no_proxy": ""}.items():
                monkeypatch.setenv(name, value)
            for arguments in (
                ["publish", "--day", str(LAST)],
                ["doctor"],
                ["doctor", "--json"],
                ["deliveries", "list"],
            ):
                done = runner.invoke(cli, ["--config", str(config), *arguments])
                text += told(done)
    assert "nowhere" in text and leaks(text + caplog.text + stored(url)) == []


@pytest.fixture
def port() -> Iterator[int]:
    with reserved() as kept:
        yield kept


@pytest.mark.parametrize("command", ["run", "web"])
def test_no_secret_shows_in_the_log_and_on_the_pages_of_a_process(
    peers: Peers, api: ReplicateApi, postgres: Postgres, tmp_path: Path, port: int, command: str
) -> None:
    """The worker's whole life: a network that echoes our secrets, and a database that fails."""
    url = with_password(postgres.database())
    publishing.fill(url)
    config = configured(tmp_path, peers, api)
    with config.open("a") as more:
        more.write(f"\nworker: {{port: {port}, tick: 1}}\nweb: {{monitoring_port: {port}}}\n")
    api.always = ListFault(403, body=json.dumps(echo(*CANARIES)).encode())
    environ = {**os.environ, **environment(url), "PYTHONPATH": str(ROOT), "FOOTFALL_CONFIG": str(config)}
    log = tmp_path / "log"
    with (
        log.open("w") as to,
        make_client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        reserved() as public_port,
    ):
        argv = [sys.executable, "-m", "bot", command, *(["--port", str(public_port)] if command == "web" else [])]
        process = subprocess.Popen(argv, env=environ, cwd=tmp_path, stdout=to, stderr=to)
        try:
            pages = until(lambda: asked(client, "/health"))
            if command == "run":
                pages += until(lambda: usage if "403" in (usage := asked(client, "/health")) else "")
            shown = ("/", "/api/v1/status", "/api/v1/about", "/api/v1/nowhere")
            public = f"http://127.0.0.1:{public_port}" if command == "web" else ""
            paths = ("/health", "/metrics", *(f"{public}{path}" for path in shown))
            assert all(asked(client, path) for path in paths)
            pages += "".join(asked(client, path) for path in paths)
            postgres.drop(url)
            pages += until(lambda: usage if "footfall_database_up 0.0" in (usage := asked(client, "/metrics")) else "")
            pages += "".join(asked(client, path) for path in paths)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait(120)
    assert leaks(pages) == [] and leaks(log.read_text()) == []
    assert "database" in log.read_text()


def asked(client: httpx.Client, path: str) -> str:
    """A page with its headers; empty if the server does not listen."""
    try:
        answer = client.get(path)
    except httpx.TransportError:
        return ""
    return f"{answer.headers} {answer.text}"


def until(wanted: Callable[[], str], seconds: float = PATIENCE) -> str:
    """The wanted text, as soon as it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if until := wanted():
            return until
        time.sleep(0.1)
    raise AssertionError("it did not come to that in time")


def test_what_nobody_caught_is_said_without_secrets(
    peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug of ours, with every secret in its message and variables."""
    url = f"postgresql://someone:{PASSWORDS['DATABASE_URL']}@/x"
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)

    def broken(*_: object) -> None:
        local = " ".join(environment(url).values())
        raise ZeroDivisionError(local)

    monkeypatch.setattr(store, "open_store", broken)
    with pytest.raises(SystemExit, match="1"):
        main(["--config", str(publishing.configured(tmp_path, peers)), "deliveries", "list"])
    output = capsys.readouterr()
    assert (
        leaks(output.out + output.err) == []
        and "in broken" in output.err
        and "ZeroDivisionError: [redacted]" in output.err
    )


def coded(secret: str) -> list[str]:
    """A secret in the forms that a hostile server may send."""
    return [
        secret,
        quote(secret, safe=""),
        quote(quote(secret, safe=""), safe=""),
        json.dumps(json.dumps(secret))[3:-3],
        base64.b64encode(f"user:{secret}".encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
        secret.encode().hex(),
        html.escape(secret),
    ]


@pytest.mark.parametrize("form", range(8))
@pytest.mark.parametrize("place", ["query", "user", "path", "long"])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_next_page_that_holds_our_token_leads_nowhere_and_is_not_shown(
    api: ReplicateApi,
    peers: Peers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    form: int,
    place: str,
    as_json: bool,
) -> None:
    secret = CANARIES["REPLICATE_API_TOKEN"]
    piece = coded(secret)[form]
    there = {
        "query": f"https://thief.example/?t={piece}",
        "user": f"https://{piece}:{piece}@thief.example/",
        "path": f"https://thief.example/{piece}",
        "long": f"https://thief.example/{'x' * 40}/{piece}/{'y' * 300}",
    }[place]
    monkeypatch.setenv("REPLICATE_API_TOKEN", secret)
    api.always = ListFault(200, body=json.dumps({"next": there, "results": []}).encode())
    config = configured(tmp_path, peers, api)
    databases.sqlite(tmp_path / "footfall.db")
    with pytest.raises(SystemExit):
        main(["--config", str(config), "collect", *(["--json"] if as_json else [])])
    output = capfd.readouterr()
    shown = output.out + output.err
    assert "refused" in shown and (place == "user" or REDACTED in shown), "a user name is not shown at all"
    assert [text for text in coded(secret) if text in shown] == []
    assert secret[:12] not in shown, "nor a piece of it"


@pytest.mark.parametrize("command", ["run", "schedule"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_configuration_that_holds_a_secret_where_it_does_not_belong_is_refused_without_it(
    tmp_path: Path, command: str, encoding: str
) -> None:
    """Whatever the encoding of standard error, and before the configuration is read."""
    secret = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1" + "canary" * 6  # longer than what is shown of a value
    (tmp_path / "config.yaml").write_text(f"outlets: {{discord: {{destinations: [{secret}]}}}}\n")
    environ = {**os.environ, "DISCORD_TOKEN": secret, "PYTHONIOENCODING": encoding}
    argv = [sys.executable, "-m", "bot", "--config", str(tmp_path / "config.yaml"), command]
    done = subprocess.run(argv, env=environ, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 2 and secret[:12] not in done.stdout + done.stderr
    assert "destinations.0: found" in done.stderr and REDACTED in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["copy-to", "postgresql://someone:canarydatabase@127.0.0.1:1/x"],
        ["copy-to", "https://canarydatabase-as-a-user@127.0.0.1:1/x"],
        ["digest", "--day", "r8_canaryreplicateEEEEEEEEEEEEEEEEEEE"],
        ["r8_canaryreplicateEEEEEEEEEEEEEEEEEEE"],
        ["usage", "--network", "r8_canaryreplicateEEEEEEEEEEEEEEEEEEE"],
        ["--config", "/nowhere/r8_canaryreplicateEEEEEEEEEEEEEEEEEEE", "usage"],
    ],
)
def test_a_command_that_was_given_a_secret_does_not_say_it(
    peers: Peers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", CANARIES["REPLICATE_API_TOKEN"])
    monkeypatch.setenv("FOOTFALL_CONFIG", str(publishing.configured(tmp_path, peers)))
    with pytest.raises(SystemExit):
        main(arguments)
    output = capfd.readouterr()
    assert leaks(output.out + output.err) == [] and output.err


def test_no_secret_shows_in_the_log_of_the_web_process(peers: Peers, tmp_path: Path) -> None:
    """A request with our own secrets while the database is broken: its path is in the log."""
    config, file = publishing.configured(tmp_path, peers), tmp_path / "f.db"
    publishing.fill(f"sqlite:///{file}")
    environment = {**os.environ, **CANARIES, "DATABASE_URL": f"sqlite:///{file}"}
    command = [sys.executable, "-m", "bot", "--config", str(config), "web", "--port", "0"]
    # Into a file: a pipe that nobody reads is full after a few tracebacks, and the server waits.
    with (
        (tmp_path / "log").open("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.match(r"Footfall: (http://127\.0\.0\.1:\d+)/", line)
            assert match, line
            with make_client(base_url=match[1]) as client:
                assert client.get("/api/v1/status").status_code == 200
                file.write_bytes(b"no database at all" * 1000)
                for wal in tmp_path.glob("f.db-*"):
                    wal.unlink()
                answers = [client.get(f"/api/v1/model/{quote(value, safe='')}") for value in CANARIES.values()]
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=120)
        finally:
            process.kill()
        log.seek(0)
        logged = log.read()
    assert {answer.status_code for answer in answers} <= {500, 503}
    lines = [json.loads(line) for line in logged.splitlines()]
    failed = [line for line in lines if line["event"] in ("database", "unexpected")]
    assert len(failed) == len(CANARIES) and all("[redacted]" in line["path"] for line in failed)
    assert leaks(logged) == []


def test_no_secret_shows_in_a_repr(tmp_path: Path, peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://someone:{PASSWORDS['DATABASE_URL']}@/x?host=/nowhere")
    parts = AppContext(publishing.configured(tmp_path, peers))
    text = (
        repr(parts.settings) + repr(parts) + repr(vars(parts)) + str(parts.settings.secrets) + repr(parts.secret_values)
    )
    with outlet_setup.open_outlets(parts, outlet_setup.outlet_targets(parts)) as (outlets, _):
        text += repr(outlets) + "".join(
            repr(getattr(outlet_handle, "__dict__", "")) + str(outlet_handle) for outlet_handle in outlets.values()
        )
    assert sorted(outlets) == ["direct", "discord", "x"] and leaks(text) == []


def test_the_test_would_notice_a_leak() -> None:
    at = datetime.now(UTC)
    assert leaks(f"{at}: Authorization: Bot {CANARIES['DISCORD_TOKEN']}") == [CANARIES["DISCORD_TOKEN"]]
    assert leaks(quote(CANARIES["DISCORD_TOKEN"], safe="")) == [quote(CANARIES["DISCORD_TOKEN"], safe="")]
