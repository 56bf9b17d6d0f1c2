"""Charts of answers are drawn in a separate process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.discord_bot.chart_cache import ChartCache, drawing_process
from bot.records import Picture
from tests.patience import PATIENCE


def drawn(name: str) -> Picture:
    """The alt text names the drawing process."""
    return Picture(name, b"", str(os.getpid()))


def test_another_process_draws_and_where_it_was_ended_a_new_one_does() -> None:
    pictures = ChartCache()
    first = pictures.get_or_draw(1, drawn, "a.png")
    assert pictures.get_or_draw(1, drawn, "b.png") is first
    assert int(first.alt) != os.getpid()
    assert pictures.get_or_draw(2, drawn, "c.png").alt == first.alt
    os.kill(int(first.alt), signal.SIGKILL)
    again = pictures.get_or_draw(3, drawn, "d.png")
    assert again.name == "d.png" and again.alt not in (first.alt, str(os.getpid()))
    drawing_process().shutdown()
    drawing_process.cache_clear()


PARENT = """
import os, signal
from bot.discord_bot.chart_cache import ChartCache
from tests.discord_bot.test_chart_cache import drawn
if __name__ == "__main__":
    print(ChartCache().get_or_draw(1, drawn, "a.png").alt, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_the_process_that_began_it_however_that_ends() -> None:
    # Both hold the output, so that it ends with the later one.
    ran = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == -signal.SIGKILL and ran.stdout.strip().isdigit(), ran.stderr


def test_what_cannot_be_drawn_is_an_error_and_is_tried_again() -> None:
    with ThreadPoolExecutor(1) as threads:
        pictures = ChartCache(lambda: threads)
        with pytest.raises(ValueError, match="no such colour"):
            pictures.get_or_draw(1, _fails)
        assert pictures.get_or_draw(1, drawn, "a.png").name == "a.png"


def _fails() -> Picture:
    raise ValueError("no such colour")
