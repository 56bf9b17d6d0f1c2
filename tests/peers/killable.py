"""Runs commands of `python -m bot` in processes that can be killed at an exact point. It is a single-threaded process
with everything imported; each command runs in a fork of it, which starts at once.

It reads one JSON object per line from standard input: `{"runs": [{"argv", "environ", "shift", "kill"}]}`. All runs of a
line run at the same time. `shift` sets the process's clock forward (seconds). At its point number `kill` (from 1), a
process kills itself with SIGKILL. Points are before and after each commit that may have written, and before and after
each piece of a request to a platform is sent or a piece of a response is read.
The response is `{"runs": [{"status", "points", "output"}]}`.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

POINTS: list[str] = []


def point(name: str, kill: int) -> None:
    POINTS.append(name)
    if len(POINTS) == kill:
        os.kill(os.getpid(), signal.SIGKILL)


def around(name: str, real: Callable[..., Any], kill: int, watched: Callable[..., bool]) -> Callable[..., Any]:
    """`real` with a point before and after each watched call."""

    @functools.wraps(real)
    def call(self: Any, *args: Any, **more: Any) -> Any:
        if not watched(self):
            return real(self, *args, **more)
        point(f"before {name}", kill)
        result = real(self, *args, **more)
        point(f"after {name}", kill)
        return result

    return call


def arm(kill: int) -> None:
    def writes(connection: Any) -> bool:
        return bool(connection.get_execution_options().get("footfall_writes"))

    real = sa.Connection._commit_impl
    sa.Connection._commit_impl = around("commit", real, kill, writes)  # type: ignore[method-assign]

    def outside(sock: Any) -> bool:
        return bool(sock.family == socket.AF_INET and sock.type & socket.SOCK_STREAM)

    for name, kind in (("send", "request"), ("sendall", "request"), ("recv", "answer"), ("recv_into", "answer")):
        setattr(socket.socket, name, around(kind, getattr(socket.socket, name), kill, outside))


def shifted(seconds: float) -> None:
    from bot import cli
    from bot.cli import app_context, outlet_setup, preview_commands, publish_commands
    from bot.cli import pipeline_commands as walk

    for module in (app_context, publish_commands, outlet_setup, preview_commands, walk, cli):
        if hasattr(module, "clock"):
            module.clock = lambda: datetime.now(UTC) + timedelta(seconds=seconds)  # type: ignore[attr-defined]


def child(run: dict[str, Any], report: int, output: Any) -> None:
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.environ.update(run.get("environ", {}))
    shifted(run.get("shift", 0.0))
    arm(run.get("kill", 0))
    from bot.cli import main

    status = 70
    try:
        main(run["argv"])
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001  a traceback is part of what it says
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(report, json.dumps(POINTS).encode())
    os._exit(status)


def start(run: dict[str, Any]) -> tuple[int, int, Any]:
    reader, writer = os.pipe()
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        child(run, writer, output)
    os.close(writer)
    return pid, reader, output


def end(pid: int, reader: int, output: Any) -> dict[str, Any]:
    with os.fdopen(reader, "rb") as report:
        points = report.read()
    _, status = os.waitpid(pid, 0)
    output.seek(0)
    text = output.read()
    output.close()
    return {"status": os.waitstatus_to_exitcode(status), "points": json.loads(points or b"[]"), "output": text}


def warm() -> None:
    """Import everything that a run needs, and draw each card once: the forks inherit both."""
    import discord  # noqa: F401
    import httpx  # noqa: F401
    import psycopg  # noqa: F401
    import tweepy  # noqa: F401
    from alembic import command, script  # noqa: F401
    from matplotlib.backends import backend_agg  # noqa: F401

    from bot import outlets
    from bot.cli import outlet_setup, preview_commands, publish_commands  # noqa: F401
    from bot.outlets.bluesky import outlet as bluesky  # noqa: F401
    from bot.outlets.discord import rest_client  # noqa: F401
    from bot.outlets.mastodon import outlet as mastodon  # noqa: F401
    from bot.outlets.webhook import outlet as webhook  # noqa: F401
    from bot.outlets.x import http_client  # noqa: F401
    from bot.pipeline import digest_pictures as walk
    from tests.statement_cache import share_compiled_statements

    share_compiled_statements()
    outlets.settings_types()
    cards: dict[tuple[str, int], Any] = {}
    real = walk.charts.draw_card

    def card(document: dict[str, Any], *words: str) -> Any:
        key = (document["day"], document["edition"])
        if key not in cards:
            cards[key] = real(document, *words)
        return cards[key]

    walk.charts.draw_card = card  # type: ignore[assignment]


def main() -> None:
    warm()
    print(json.dumps({"ready": sa.__version__}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "here" in order:  # in this process itself, so that the forks inherit what it leaves warm
            here(order["here"], order["environ"])
            print(json.dumps({}), flush=True)
            continue
        gc.freeze()  # collecting garbage in a fork would copy every page that was inherited
        started = [start(run) for run in order["runs"]]
        print(json.dumps({"runs": [end(*process) for process in started]}), flush=True)
    gc.unfreeze()  # libraries report what is left at the end of a process


def here(argv: list[str], environ: dict[str, str]) -> None:
    import contextlib
    import io

    from bot import redaction
    from bot.cli import cli

    os.environ.update(environ)
    with contextlib.redirect_stdout(io.StringIO()):
        cli.main(args=argv, prog_name="bot", standalone_mode=False)
    redaction.redact("compile the pattern that finds the secrets")
    assert threading.active_count() == 1, "a fork of several threads may wait for a lock for ever"


if __name__ == "__main__":
    main()
