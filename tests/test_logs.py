"""Whatever fails, a log line holds no secret."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import structlog
from pydantic import SecretStr

from bot import logs

CANARY = 'cana/ry+"quoted"\\ü=\n7'
DATABASE = "postgresql://footfall:p%40ss%2Fword@db.example/footfall"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    structlog.reset_defaults()


def fails(words: str) -> None:
    local = CANARY  # noqa: F841  shown by a traceback that prints variables
    raise ValueError(f"refused: {words}")


def everything_logged(stream: io.StringIO) -> str:
    """The same secret by every way into the log."""
    logs.configure([SecretStr(CANARY), SecretStr(DATABASE)], stream)
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
    said = everything_logged(stream)
    for form in (CANARY, quote(CANARY, safe=""), json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], "p@ss/word", "p%40ss"):
        assert form not in said
    assert said.count("[redacted]") >= 10
    assert "ValueError" in said and "fails" in said, "the traceback itself is of use"
    assert "nobody caught this" in said


def test_off_a_terminal_every_line_is_json() -> None:
    stream = io.StringIO()
    lines = [json.loads(line) for line in everything_logged(stream).splitlines()]
    assert [line["level"] for line in lines] == ["info", "warning", "error", "error", "error", "critical"]
    assert all({"event", "timestamp", "logger"} <= line.keys() for line in lines)


def test_the_chatter_of_libraries_is_left_out() -> None:
    stream = io.StringIO()
    logs.configure([], stream)
    logging.getLogger("httpx").info("HTTP Request: GET https://example.com?key=1")
    logging.getLogger("httpx").warning("worth knowing")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["worth knowing"]
