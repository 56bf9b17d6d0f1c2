"""Charts for answers, with their alt texts, drawn in a separate process, because matplotlib would delay all other
answers."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from functools import cache
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import ParamSpec

from bot import charts, i18n, logging_setup, pipeline, redaction
from bot.discord_bot.answer_lines import answer_chart
from bot.queries import QueryContext
from bot.queries.context import VersionedCache
from bot.records import Document, Picture

P = ParamSpec("P")

KEPT = 64
NICE = 5
"""The drawing process has a lower priority than answers."""


@cache
def drawing_process() -> Executor:
    """The process that draws; started with the first picture and kept across connections."""
    spawn, secrets = get_context("spawn"), redaction.known_secrets()
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=_init_process, initargs=(secrets,))


def dismiss() -> None:
    """End the drawing process after its current picture."""
    if drawing_process.cache_info().currsize:
        begun = drawing_process()
        drawing_process.cache_clear()
        begun.shutdown(wait=False, cancel_futures=True)


def _init_process(secrets: Iterable[str]) -> None:
    """In that process: use the parent's logging, end with the parent however it ends, and ignore signals."""
    logging_setup.configure_logging(secrets)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    threading.Thread(target=_exit_with_parent, args=(parent_process(),), daemon=True).start()


def _exit_with_parent(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


class ChartCache:
    """Recently drawn pictures. One picture is drawn at a time, and concurrent requests for one draw it once."""

    def __init__(self, drawn_by: Callable[[], Executor] = drawing_process, kept: int = KEPT) -> None:
        self._pictures, self._drawn_by, self._drawing = VersionedCache(kept), drawn_by, threading.Lock()
        self.fresh = 0
        """Number of pictures drawn."""

    def get_or_draw(self, what: object, draw: Callable[P, Picture], *args: P.args, **kwargs: P.kwargs) -> Picture:
        """The picture of `what`, a JSON value with everything it depends on; `draw` and its arguments go to another
        process. A request for a cached picture never waits for another drawing."""

        def draw_picture() -> Picture:
            with self._drawing:
                try:
                    picture = self._drawn_by().submit(draw, *args, **kwargs).result()
                except BrokenProcessPool:  # the process was killed; start a new one, once
                    drawing_process.cache_clear()
                    picture = self._drawn_by().submit(draw, *args, **kwargs).result()
                self.fresh += 1
                return picture

        key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
        return self._pictures.get_or_compute(key, None, draw_picture)


def answer_picture(
    desk: QueryContext, pictures: ChartCache, question: str, answer: Document, locale: str
) -> Picture | None:
    """The picture of an answer, with its alt text, in the reader's language; most answers have none."""
    if question in ("usage", "digest"):
        place = (answer["network"], answer["period"], answer["day"])
        document = answer
        if question == "usage":
            document = desk.find_digest(place[0], place[1], date.fromisoformat(place[2]))
        language = i18n.translator_for(locale).language
        what = [*place, answer["edition"], answer["composed_at"], language]
        return pictures.get_or_draw(what, pipeline.draw_picture, document, language)
    chart = answer_chart(desk, question, answer, locale)
    return pictures.get_or_draw(repr(chart), charts.draw_lines, chart) if chart else None
