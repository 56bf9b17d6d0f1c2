"""Measures how many files of `bot/` a job passes through: `docs/walks.md`.

Three jobs run for real, on test data and in front of local peers, and the calls that they make are recorded. The rules
of counting stand in `RULES`.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORKER = "bot/worker/cycle.py"
WORKER_CALLS = ("sentence_on_x", "discord_delivery")
"""Functions here that make the calls of the worker."""
RULES = """\
What a reader opens to follow one job from its beginning to its end. Each job runs for real, and
every call is recorded.

* A job starts at the call that begins it: the worker's, or the callback of the slash command. It
  ends where the sentence, the answer or the request is made.
* A *hop* is a call from one file of `bot/` into another. A call through a library (a template, a
  thread, the database's driver) counts as a call by the file that called the library. Each pair
  of caller and callee counts once, where it comes first, however often a loop repeats it.
* A *return* is a hop into a file that the job entered before. So there are as many hops as files
  and returns together, less one.
* The values that every file passes on (`bot/records/`) and the types of columns
  (`bot/store/_types.py`) are not counted; nor is what runs when a module is loaded.
* The walk to X is that of one figure, `models_used`: the other metrics, tables and findings of
  its digest and the picture beside the sentence are not followed. The walk of a delivery does not
  follow how the words and the picture of its post are made, which is the end of the first walk."""
VALUES = ("bot/records/", "bot/store/_types.py", "bot/migrations/")


@dataclass(slots=True)
class Walk:
    """The files that a job entered, in order, and its hops."""

    files: list[str]
    hops: list[tuple[str, str]] = field(default_factory=list)
    ends: Callable[[FrameType], bool] = lambda frame: False
    """Whether a call is the end of the job."""
    beside: Callable[[FrameType], bool] = lambda frame: False
    """Whether a call, with all that it leads to, does not belong to the job."""
    over: bool = False

    @property
    def returns(self) -> int:
        return len(self.hops) + 1 - len(self.files)

    @property
    def numbers(self) -> tuple[int, int, int]:
        return len(self.files), len(self.hops), self.returns

    def record_call(self, frame: FrameType, event: str, _: object) -> None:
        """The profile function of every thread of the job."""
        if event != "call" or self.over:
            return
        if self.ends(frame):
            self.over = True
            return
        callee = _file_of(frame)
        if callee is None:
            return
        stack = [frame]
        while stack[-1].f_back is not None:
            stack.append(stack[-1].f_back)
        if any(map(self.beside, stack)):
            return
        caller = next(filter(None, map(_file_of, stack[1:])), None)
        # A thread or an event loop made the call: the hop is from the file that was entered last.
        caller = caller or (callee if callee in self.files else self.files[-1])
        if caller == callee or (caller, callee) in self.hops:
            return
        self.hops.append((caller, callee))
        if callee not in self.files:
            self.files.append(callee)


_PATHS: dict[str, str | None] = {}


def _file_of(frame: FrameType) -> str | None:
    """The file of `bot/` that a call runs in; `None` for any other, for values, and for a module that is loaded."""
    name = frame.f_code.co_filename
    if name == __file__ and frame.f_code.co_name in WORKER_CALLS:
        return WORKER
    if name not in _PATHS:
        path = Path(name).relative_to(ROOT).as_posix() if name.startswith(f"{ROOT}/bot/") else None
        _PATHS[name] = None if path is None or path.startswith(VALUES) else path
    loaded = frame.f_code.co_name == "<module>" or "__qualname__" in frame.f_code.co_names[:2]
    return None if loaded else _PATHS[name]


@contextmanager
def recorded(start: str, **rules: Callable[[FrameType], bool]) -> Iterator[Walk]:
    """Record the calls of what runs inside, in this thread and in those that it starts."""
    walk = Walk([start], **rules)
    clear_caches()
    threading.setprofile(walk.record_call)
    sys.setprofile(walk.record_call)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        walk.over = True


def clear_caches() -> None:
    """Forget what an earlier job computed, so that this one computes it itself."""
    for module in [held for name, held in sys.modules.items() if name.startswith("bot.")]:
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()


# --- the jobs ------------------------------------------------------------------------------------------------------


def beside_models_used(frame: FrameType) -> bool:
    """Whether a call makes another part of a digest's post than the figure `models_used`."""
    from bot.metrics import METRICS

    name, path = frame.f_code.co_name, frame.f_code.co_filename
    if f"{ROOT}/bot/metrics/" in path:
        return name == "group_tables" or (name in METRICS and name != "models_used")
    return name == "finding_text" or path.startswith((f"{ROOT}/bot/charts/", f"{ROOT}/bot/findings/"))


def sentence_on_x() -> Walk:
    """From the raw answer of a source (Replicate's list of models, over HTTP) to the sentence on X."""
    from bot import ledger, pipeline, sources, store
    from bot.archive import Archive
    from bot.records import Period
    from tests import databases, worlds
    from tests.peers.replicate_api import ReplicateApi

    day = worlds.START + timedelta(days=9)
    now = datetime.combine(day + timedelta(days=1), time(0, 1), UTC)
    models: list[dict[str, object]] = [
        {
            "owner": "o",
            "name": f"m{n}",
            "run_count": 100 * (n + 1),
            "created_at": "2024-01-01T00:00:00Z",
            "visibility": "public",
        }
        for n in range(5)
    ]
    plan = pipeline.NetworkPlan(
        "replicate", "Replicate", (worlds.CATALOGUE,), {"catalogue": "models", "figure": "models_used"}
    )
    with TemporaryDirectory() as folder, ReplicateApi(models) as api:
        opened = store.open_store(databases.sqlite(Path(folder, "footfall.db")))
        for number in range(9):
            snapshot = worlds.snapshot(worlds.START + timedelta(days=number), {f"o/m{n}": number * n for n in range(5)})
            ledger.add_snapshot(opened, snapshot)
        settings = sources.settings_types()["replicate"].model_validate({"api": api.url})
        source = sources.make_source("replicate", settings, Path(folder), {"REPLICATE_API_TOKEN": "r8_1"}, lambda: now)
        archive = Archive(opened)
        with recorded(WORKER, beside=beside_models_used) as walk:
            done = pipeline.collect(opened, plan.network, source, None, lambda line: None)
            document = pipeline.compose_digest(opened, archive, plan, Period(day, day), now)
            post = pipeline.render_post(document, "x")
        assert (done.new, done.error) == (1, "") and "5 of 5 public models" in post.parts[0], (done, post.parts)
        opened.close()
    return walk


def usage_in_discord() -> Walk:
    """From the slash command `/usage` to the request to Discord with its answer."""
    from tests.discord_bot import rig

    def answers(frame: FrameType) -> bool:
        return frame.f_code.co_name == "send_message" and frame.f_code.co_filename.endswith("discord/interactions.py")

    async def scenario(world: rig.Rig) -> None:
        command: Any = world.bot.tree.get_command("usage")
        callback = command._callback

        async def begin(*given: Any, **options: Any) -> None:
            walk.files[:] = [Path(callback.__code__.co_filename).relative_to(ROOT).as_posix()]
            clear_caches()
            walk.over = False
            await callback(*given, **options)

        command._callback = begin
        try:
            assert rig.embed(await world.ask("usage")).title
        finally:
            command._callback = callback

    # The bot's threads start with it.
    with TemporaryDirectory() as folder, recorded("", ends=answers) as walk:
        walk.over = True
        rig.run(Path(folder), scenario)
    return walk


def discord_delivery() -> Walk:
    """From the worker's pass over the outbox to the request that posts a digest in a channel of Discord."""
    from bot import deliveries
    from bot.cli import outlet_setup
    from bot.cli.app_context import AppContext
    from bot.pipeline import plan_deliveries
    from tests import publishing

    def requests(frame: FrameType) -> bool:
        code = frame.f_code
        if code.co_name != "request" or not code.co_filename.endswith("discord/http.py"):
            return False
        return bool(frame.f_locals["route"].method == "POST")

    def makes_post(frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith((f"{ROOT}/bot/charts/", f"{ROOT}/bot/render/"))

    rules = {"ends": requests, "beside": makes_post}
    with TemporaryDirectory() as folder, publishing.peers() as peers, patched_environment(peers.secrets):
        publishing.fill(f"sqlite:///{folder}/footfall.db")
        parts = AppContext(publishing.configured(Path(folder), peers, ("discord",)))
        desk, plan = outlet_setup.publish_context(parts), parts.network_plan("replicate")
        day: date = publishing.LAST
        plan_deliveries(desk, plan, "day", {"discord": (publishing.CHANNEL,)}, datetime.now(UTC), day)
        with outlet_setup.open_outlets(parts, ["discord"]) as (made, problems), recorded(WORKER, **rules) as walk:
            assert not problems, problems
            deliveries.flush_outbox(outlet_setup.make_outbox_pass(parts, desk, made))
        assert len(peers.posts("discord")) == 1
        parts.close()
    return walk


@contextmanager
def patched_environment(values: Any) -> Iterator[None]:
    """Variables of the environment, for a while."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


@dataclass(frozen=True, slots=True)
class Job:
    """A job, with its files, hops and returns before they were made fewer."""

    title: str
    walk: Callable[[], Walk]
    read: tuple[int, int, int]
    """As counted by reading the path alone."""
    measured: tuple[int, int, int]
    """As counted by these rules."""


JOBS = (
    Job("From a network's raw answer to the sentence on X", sentence_on_x, (46, 85, 40), (44, 70, 27)),
    Job("From `/usage` in Discord to its answer", usage_in_discord, (30, 59, 30), (33, 56, 24)),
    Job("From the worker to a post in Discord", discord_delivery, (24, 63, 40), (27, 42, 16)),
)


def page() -> str:
    """The page of `docs/`."""
    parts = ["# Walks", RULES]
    rows = []
    for job in JOBS:
        walk = job.walk()
        rows.append(f"| {job.title} | {_numbers(job.read)} | {_numbers(job.measured)} | {_numbers(walk.numbers)} |")
        files = [f"{place}. `{name}`: {_purpose(name)}" for place, name in enumerate(walk.files, 1)]
        parts += [f"## {job.title}", "\n".join(map(_wrapped, files))]
    heads = ("job", "before, counted by reading", "before, measured", "now, measured")
    table = "\n".join([f"| {' | '.join(heads)} |", "|---|---|---|---|", *rows])
    return "\n\n".join([*parts[:2], "Files, hops and returns:", table, *parts[2:]])


def _numbers(numbers: tuple[int, int, int]) -> str:
    return " / ".join(map(str, numbers))


def _purpose(name: str) -> str:
    """The first sentence of a module's docstring."""
    text = " ".join((ast.get_docstring(ast.parse((ROOT / name).read_text(encoding="utf-8"))) or "").split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _wrapped(line: str) -> str:
    return textwrap.fill(line, 100, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    for job in JOBS:
        walk = job.walk()
        print(job.title, walk.numbers)
        seen = set(walk.files[:1])
        for caller, callee in walk.hops if "-v" in sys.argv else []:
            print("   ", caller, "->", callee, "(return)" if callee in seen else "")
            seen.add(callee)
