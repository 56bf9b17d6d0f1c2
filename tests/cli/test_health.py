"""The command `health`, against the real servers of the worker and of the web."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.cli import health_command
from bot.config import WebConfig, WorkerConfig
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
HEAVY = ("aiohttp", "dotenv", "httpx", "jinja2", "pydantic", "sqlalchemy", "structlog", "bot.config", "bot.records")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    """A server that answers /health; its port."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def run(folder: Path, settings: Mapping[str, object], *process: str) -> tuple[int, str]:
    """Exit code and output of `health`."""
    path = folder / "config.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return run_on(path, *process)


def run_on(path: Path, *process: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "bot", "--config", str(path), "health", *process]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stderr == "" and done.stdout.count("\n") == 1, done
    return done.returncode, done.stdout.strip()


WELL = json.dumps({"ok": True, "database": "readable", "heartbeat_age_seconds": 12.4}).encode()
SICK = json.dumps({"ok": False, "database": "cannot be read", "heartbeat_age_seconds": None}).encode()


def test_each_process_is_asked_at_its_own_address(tmp_path: Path) -> None:
    with answering(200, WELL) as worker, answering(503, SICK) as web:
        settings = {"worker": {"port": worker}, "web": {"monitoring_port": web}}
        healthy = "worker: healthy, last cycle 12 s ago"
        ill = "web: unhealthy (status 503), database: cannot be read, no cycle is finished yet"
        assert run(tmp_path, settings, "worker") == (0, healthy)
        assert run(tmp_path, settings, "web") == (1, ill)
        assert run(tmp_path, settings) == (1, f"{healthy}; {ill}")


def test_in_a_container_whichever_runs_there_decides(tmp_path: Path) -> None:
    with answering(200, b'{"ok": true}') as port, answering(200, b"") as gone:
        pass
    with answering(200, b'{"ok": true}') as port:
        settings = {"worker": {"port": gone}, "web": {"monitoring_host": "0.0.0.0", "monitoring_port": port}}
        assert run(tmp_path, settings) == (0, "web: healthy")
        nobody = f"no answer at 127.0.0.1 port {gone}"
        assert run(tmp_path, settings, "worker") == (1, f"worker: {nobody}")
    settings["web"] = {"monitoring_port": 0}
    assert run(tmp_path, settings) == (1, f"worker: {nobody}; web: cannot be asked: web.monitoring_port is 0")


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff", b"\n\n" * 1000])
def test_an_answer_in_another_form_is_judged_by_its_status(tmp_path: Path, body: bytes) -> None:
    with answering(200, body) as port:
        assert run(tmp_path, {"worker": {"port": port}}, "worker") == (0, "worker: healthy")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [", "cannot be read: ParserError"),
        ("[1]", "wanted a mapping of keys"),
        ("worker: {port: many}", "worker: cannot be asked: worker.port is many"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    code, output = run_on(path, "worker")
    assert code == 1 and output.endswith(line)


def test_the_addresses_are_those_of_the_configuration() -> None:
    """The command does not load the configuration's own code, so its defaults stand there twice."""
    worker, web = WorkerConfig.model_validate({}), WebConfig.model_validate({})
    assert {
        "worker": ("host", worker.host, "port", worker.port),
        "web": ("monitoring_host", web.monitoring_host, "monitoring_port", web.monitoring_port),
    } == health_command.ADDRESSES


def test_it_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{}", encoding="utf-8")
    code = "import sys; from bot.cli import main\ntry: main(['health', 'worker'])\nexcept SystemExit: pass\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print([m for m in {HEAVY!r} if m in sys.modules])"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_that_of_the_newest_section_of_the_changelog() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = [line.split()[1] for line in changelog.splitlines() if line.startswith("## ")]
    assert versions[0] == "Unreleased"
    assert done.stdout == f"Footfall {versions[1]}\n"
