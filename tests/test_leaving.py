"""A process that was asked to stop ends within its grace, whatever still works in it or for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]
SCRIPT = """
import subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from bot.cli import process_exit

child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
def work():
    pool = ThreadPoolExecutor(2)
    pool.submit(time.sleep, float(sys.argv[1]))
    pool.shutdown(wait=False)

side = threading.Thread(target=work, daemon=True)  # what a daemon begins is one as well
side.start()
side.join()
process_exit.leave(time.monotonic() + float(sys.argv[2]))
print("left", flush=True)
child.kill()
child.wait()
"""


def ended(works: float, grace: float) -> tuple[int, list[str], str]:
    """The end of a process with so many seconds of work: its exit code and output."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(works), str(grace)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout.split(), done.stderr


def test_what_is_done_in_time_is_waited_for() -> None:
    code, texts, wrong = ended(works=0.1, grace=90)
    assert (code, texts[1:], wrong) == (0, ["left"], "")


def test_what_takes_longer_is_left_behind_and_what_was_started_for_it_ends_as_well() -> None:
    code, texts, wrong = ended(works=600, grace=0.1)
    assert (code, texts[1:]) == (0, []) and "was abandoned" in wrong
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{texts[0]}").exists() and "Z" not in status(texts[0]):
        assert time.monotonic() < end, "a process outlived the one that started it"
        time.sleep(0.05)


def status(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_the_processes_that_this_one_started_are_known() -> None:
    from bot.cli import process_exit

    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            assert child.pid in list(process_exit.children()) and os.getpid() not in list(process_exit.children())
        finally:
            child.kill()
