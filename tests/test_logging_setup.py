"""Whatever fails, a log line holds no secret."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from pydantic import SecretStr

from bot import logging_setup

ROOT = Path(__file__).parents[1]
CANARY = 'cana/ry+"quoted"\\ü=\n7'
DATABASE = "postgresql://footfall:p%40ss%2Fword@db.example/footfall"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    structlog.configure(**config)


def fails(words: str) -> None:
    local = CANARY  # noqa: F841  shown by a traceback that prints variables
    raise ValueError(f"refused: {words}")


def everything_logged(stream: io.StringIO) -> str:
    """Log the same secret in every way."""
    logging_setup.configure_logging([SecretStr(CANARY), SecretStr(DATABASE)], stream)
    log = structlog.get_logger("bot.worker")
    log.info(f"token {CANARY}", header=CANARY, nested={"deep": [CANARY, quote(CANARY, safe="")]})
    logging.getLogger("library").warning("says %s and %r of %s", CANARY, CANARY, DATABASE)
    logging.getLogger("library").error("password %s or %s", "p@ss/word", "p%40ss%2Fword")
    try:
        fails(CANARY)
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("failed too")
    thread = threading.Thread(target=fails, args=(CANARY,))
    thread.start()
    thread.join()
    return stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_no_secret_leaves_by_any_way(stream: io.StringIO) -> None:
    text = everything_logged(stream)
    for form in (CANARY, quote(CANARY, safe=""), json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], "p@ss/word", "p%40ss"):
        assert form not in text
    assert text.count("[redacted]") >= 10
    assert "ValueError" in text and "fails" in text, "the traceback itself is of use"
    assert "unhandled exception" in text


def test_off_a_terminal_every_line_is_json() -> None:
    stream = io.StringIO()
    lines = [json.loads(line) for line in everything_logged(stream).splitlines()]
    assert [line["level"] for line in lines] == ["info", "warning", "error", "error", "error", "critical"]
    assert all({"event", "timestamp", "logger"} <= line.keys() for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        'GET "https://h.example/?api_key=abc" failed',
        '{"url": "https://h.example/?key=k"}',
        "https://h.example/?token=abc\nnext line",
        'C:\\secret-folder\\" and "more',
        {"deep": ['"https://h.example/?key=k"', ('?key=k"',)], "C:\\secret-folder\\": 1},
        12345678,
    ],
)
def test_a_line_without_its_secrets_is_still_json(words: object) -> None:
    stream = io.StringIO()
    logging_setup.configure_logging(["C:\\secret-folder\\", "12345678"], stream)
    structlog.get_logger("bot.worker").error("m", error=words)
    logging.getLogger("library").error("%s", words)
    documents = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(documents) == 2 and "[redacted]" in str(documents[0]["error"]) and "[redacted]" in documents[1]["event"]
    assert "next line" not in str(words) or "next line" in documents[0]["error"]


def test_a_line_holds_what_json_does_not_know_in_words() -> None:
    stream = io.StringIO()
    logging_setup.configure_logging([], stream)
    structlog.get_logger("bot.worker").error("m", at=Path("/x"), count=7, share=0.5, good=True, none=None)
    document = json.loads(stream.getvalue())
    assert (document["at"], document["count"], document["share"], document["good"], document["none"]) == (
        "PosixPath('/x')",
        7,
        0.5,
        True,
        None,
    )


def test_the_chatter_of_libraries_is_left_out() -> None:
    stream = io.StringIO()
    logging_setup.configure_logging([], stream)
    logging.getLogger("httpx").info("HTTP Request: GET https://example.com?key=1")
    logging.getLogger("httpx").warning("worth knowing")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["worth knowing"]


PROGRAM = """
import asyncio, logging, sys, threading, warnings
from pydantic import SecretStr
from bot import logging_setup
from bot.discord_bot import chart_cache

SECRET = "canary-0123456789"

def drawn():
    warnings.warn(f"drawn with {SECRET}")
    logging.getLogger("matplotlib").warning("no such font")
    threading.Thread(target=fails).start()
    return 7

def fails():
    raise ValueError(f"with {SECRET}")

class Dying:
    def __del__(self):
        fails()

async def loses():
    task = asyncio.create_task(coroutine())
    await asyncio.sleep(0.01)
    del task

async def coroutine():
    fails()

if __name__ == "__main__":
    logging_setup.configure_logging([SecretStr(SECRET)])
    warnings.warn(f"of {SECRET}")
    logging.getLogger("library").warning("%d of them", "seven")
    logging.getLogger("aiohttp.access").error("a bad request")
    Dying()
    asyncio.run(loses())
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    assert chart_cache.drawing_process().submit(drawn).result() == 7
    chart_cache.drawing_process().shutdown()
    fails()
"""


def test_every_line_of_the_process_and_of_the_one_that_draws_is_json(tmp_path: Path) -> None:
    """Warnings, lines that cannot be formatted, errors in destructors, tasks and threads, and unhandled exceptions."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    done = subprocess.run(
        [sys.executable, str(program)], env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    documents = [json.loads(line) for line in done.stderr.splitlines()]
    wanted = ("of [redacted]", "could not be formatted", "bad request", "never retrieved", "drawn with", "such font")
    for words in wanted:
        assert [line for line in documents if words in line["event"]], (words, done.stderr)
    assert sum("unhandled exception" in line["event"] for line in documents) == 3, "in two threads, and at the end"
    assert [line for line in documents if "__del__" in line.get("exception", "")]
    assert "canary" not in done.stderr


def test_a_worker_that_cannot_start_says_so_in_json(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("surprise: 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--config", str(tmp_path / "config.yaml"), "run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2
    (line,) = map(json.loads, done.stderr.splitlines())
    assert line["level"] == "critical" and "surprise" in line["event"]
