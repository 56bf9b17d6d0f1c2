"""10,000 interactions with faults, in which no answer is lost and memory stays flat: `make soak`.

    python -m tests.soak [--shorter FACTOR]

The real client runs against a local Discord in its own process, which limits, loses confirmations, drops, is slow,
closes the gateway and ends the session; meanwhile, digests change. Some interactions press buttons of earlier answers,
also from before a reconnect; others let members watch a model, some of whom take no direct messages (50007). An answer
that the platform itself refused is counted separately. The answers at the end must match the archive at the end.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import discord
import structlog
import yarl
from pydantic import SecretStr

from bot import discord_bot
from bot.discord_bot import connection
from bot.queries import QueryContext
from bot.subscriptions import delivery_misses
from tests import query_contexts, watchers
from tests.peers import discord_gateway
from tests.peers.discord_api import CREATE, TOKEN, Fault, error, rate_limited
from tests.peers.discord_gateway import AUTOCOMPLETE, CALLBACK, INVALID, RECONNECT, Asked, DiscordGateway

INTERACTIONS = 10_000
MEMBERS = 2000
"""Members who send commands; the rate limiter stores each, so that more of them would be another kind of growth."""
AT_ONCE = 8
"""Commands that wait for their answer at any time."""
CUT_EVERY, INVALID_EVERY, REPLACED_EVERY = 400, 3000, 5000
FATAL = 4004
"""A close code after which discord.py ends a client (Authentication failed), so that a new one, as after a restart,
gets the buttons of the old one's answers."""
PATIENCE = 60.0
DEADLINE = 30.0
"""Seconds for the first response. Discord allows 3, which a shared machine may not meet; the slowest is printed, and
`tests/discord_bot/test_connection.py` tests Discord's limit."""
GROWS, GROWS_SHORTENED = 1.05, 1.15
"""Most growth of memory from the middle third to the last; a shortened run is still filling its caches."""
FAULTS: dict[str, tuple[float, Callable[[random.Random], Fault]]] = {
    "limited": (0.01, lambda lot: rate_limited(lot.uniform(0.05, 0.3))),
    "5xx after effect": (0.004, lambda _: Fault(502, {"message": "bad gateway"}, after=True)),
    "dropped after effect": (0.004, lambda _: Fault(drop=True, after=True)),
    "slow": (0.02, lambda lot: Fault(wait=lot.uniform(0.1, 1.0), after=True)),
    "refused": (0.002, lambda _: error(403, 50007, "Cannot send messages to this user")),
}
"""Each fault, and the share of interactions before which it is set."""
DIRECT_FAULTS = ("limited", "5xx after effect", "dropped after effect", "slow")
"""Faults of direct messages as well."""
PRESSES, FOREIGN, WATCHES, TYPING = 0.15, 0.2, 0.04, 0.16
"""Shares of the interactions: buttons pressed, and of those the ones under another member's answer; models watched;
autocomplete."""
NAME = "owner3/model-3"
QUESTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("usage", {}), ("usage", {"day": "2025-03-05"}), ("usage", {"period": "week", "day": "2025-03-03"}),
    ("inventory", {}), ("model", {"model": NAME}), ("model", {"model": "ownr3/modl-3"}), ("top", {}),
    ("top", {"by": "fall"}), ("idle", {"days": 3}), ("compare", {"model": NAME, "other": "owner4/model-4"}),
    ("new", {}), ("new", {"days": 30}), ("records", {}), ("author", {"author": "owner3"}),
    ("author", {"author": "ownr3"}), ("author", {"author": "owner3", "period": "week"}),
    ("category", {"category": "image"}),
    ("trend", {"metric": "uses", "days": 9}), ("trend", {"metric": "no_such"}), ("digest", {}), ("why", {}),
    ("why", {"day": "2025-03-08"}), ("usage", {"day": "2031-01-01"}), ("method", {"metric": "gini_listed"}),
    ("status", {}), ("about", {}), ("status", {"private": True}),
)  # fmt: skip
EDITED = query_contexts.ISSUED.isoformat()


@dataclass(slots=True)
class Pressed:
    """Buttons that were pressed."""

    all: list[Asked] = field(default_factory=list)
    resumed: int = 0
    """Of answers from before a connection was resumed."""
    older: int = 0
    """Of answers from before the session."""

    def turned(self) -> int:
        """How many got an answer."""
        return sum(bool(entry.message and entry.message.get("embeds")) for entry in self.all)

    def otherwise(self) -> tuple[str, ...]:
        """Other responses to a press: a sentence in place of an answer."""
        messages = [entry.message or next(iter(entry.further), None) for entry in self.all]
        return tuple(str(message.get("content")) for message in messages if message and not message.get("embeds"))


@dataclass(frozen=True, slots=True)
class Heard:
    """The report of the local Discord at the end."""

    asked: int
    unanswered: tuple[str, ...]
    refused: int
    armed: dict[str, int]
    resumed: int
    sessions: int
    late: float
    """Seconds of the slowest first response."""
    last: str
    """The first lines of the answer about the edited day, requested at the end."""
    presses: tuple[int, int, int, int]
    """Buttons pressed, those with an answer; those of answers from before a resumption, before the session."""
    sorry: tuple[str, ...]
    """Sentences in place of an answer to a press."""
    direct: watchers.Read


# --- the local Discord, in its own process ---------------------------------------------------------------------------


def serve(count: int, line: Connection) -> None:
    discord_gateway.DEADLINE = DEADLINE
    with DiscordGateway(recording=False) as peer:
        line.send((peer.url, peer.gateway))
        peer.until(lambda: peer.identified, 60)
        armed, pressed = _storm(peer, count)
        pending = [entry for entry in peer.asked.values() if not entry.done.is_set()]
        until = time.monotonic() + (PATIENCE if len(pending) > armed["refused"] else 0.0)
        while sum(not entry.done.is_set() for entry in pending) > armed["refused"] and time.monotonic() < until:
            time.sleep(0.05)
        line.send("over")
        line.recv()
        peer.armed.clear()
        last = _answer(peer, "usage", day=EDITED)
        lost = tuple(
            f"{entry.token}: first {entry.first and entry.first['type']} after {entry.took:.1f} s"
            for entry in pending
            if not entry.done.is_set()
        )
        late = max(entry.took for entry in peer.asked.values())
        presses = (len(pressed.all), pressed.turned(), pressed.resumed, pressed.older)
        line.send(
            Heard(
                *(count, lost, armed["refused"], dict(armed), len(peer.resumed), len(peer.identified), late, last),
                *(presses, pressed.otherwise(), _read(peer)),
            )
        )
        line.recv()


def _read(peer: DiscordGateway) -> watchers.Read:
    """The direct messages to members."""
    whose = {str(channel): member for member, channel in peer.direct.items()}
    counter = Counter((whose[message["channel_id"]], message["embeds"][0]["title"]) for message in peer.messages)
    return watchers.Read(dict(counter), peer.turned_away_direct, frozenset(peer.shut))


def _storm(peer: DiscordGateway, count: int) -> tuple[Counter[str], Pressed]:
    lot, armed, waiting, given, pressed = random.Random(1), Counter[str](), list[Asked](), list[Given](), Pressed()
    peer.shut |= {watchers.account(n) for n in range(watchers.COUNT) if watchers.closed(n)}
    for number in range(count):
        if number == count // 2:
            peer.shut |= {watchers.account(n) for n in range(watchers.COUNT) if watchers.closes(n)}
        waiting = _room(waiting)
        if number % CUT_EVERY == CUT_EVERY // 2:
            _interrupted(peer, lot)
        if number % INVALID_EVERY == INVALID_EVERY // 2:
            _ended(peer, waiting, lambda: peer.tell(INVALID, False))
        if number % REPLACED_EVERY == min(REPLACED_EVERY, count) // 3:
            _ended(peer, waiting, lambda: peer.cut(FATAL))
        for name, (share, fault) in FAULTS.items():
            if lot.random() < share:
                peer.fail(fault(lot), on=CALLBACK)
                armed[name] += 1
            if name in DIRECT_FAULTS and lot.random() < share * WATCHES:
                peer.fail(fault(lot), on=CREATE)
        waiting.append(_asked(peer, lot, number, given, pressed))
    armed["refused"] -= sum(fault.status == 403 for _, _, fault in peer.armed)
    return armed, pressed


@dataclass(frozen=True, slots=True)
class Given:
    """An interaction, with its member and connection."""

    asked: Asked
    user: int
    resumed: int
    session: int


def _asked(peer: DiscordGateway, lot: random.Random, number: int, given: list[Given], pressed: Pressed) -> Asked:
    user, share = lot.randrange(MEMBERS), lot.random()
    result = _press(peer, lot, user, given, pressed) if share < PRESSES else None
    if result is not None:
        return result
    if share < PRESSES + WATCHES:
        user = watchers.account(number)
        reply = peer.ask("watch", user=user, model=lot.choice(watchers.WATCHED))
    elif share < PRESSES + WATCHES + TYPING:
        typed = NAME[: lot.randrange(len(NAME))]
        reply = peer.ask("model", user=user, kind=AUTOCOMPLETE, focused="model", model=typed)
    else:
        name, options = lot.choice(QUESTIONS)
        reply = peer.ask(name, user=user, **options)
    given.append(Given(reply, user, len(peer.resumed), len(peer.identified)))
    return reply


def _press(peer: DiscordGateway, lot: random.Random, user: int, given: list[Given], pressed: Pressed) -> Asked | None:
    """Press a button of any answer so far, sometimes as another member; `None` if none was found."""
    for choice in (lot.choice(given) for _ in range(10 if given else 0)):
        open_ = [button["custom_id"] for button in _buttons(choice.asked) if not button.get("disabled")]
        if not open_:
            continue
        presser = user if lot.random() < FOREIGN else choice.user
        reply = peer.press(lot.choice(open_), user=presser, asker=choice.user)
        pressed.all.append(reply)
        older = choice.session < len(peer.identified)
        pressed.older += older
        pressed.resumed += not older and choice.resumed < len(peer.resumed)
        given.append(Given(reply, presser, len(peer.resumed), len(peer.identified)))
        return reply
    return None


def _buttons(value: Asked) -> list[dict[str, Any]]:
    rows = (value.message or {}).get("components") or []
    return [button for row in rows for button in row["components"] if button.get("custom_id")]


def _room(waiting: list[Asked]) -> list[Asked]:
    """Wait until few interactions lack an answer, and return those; a refused one is not waited for."""
    until = time.monotonic() + 3.0
    while (
        len(waiting := [entry for entry in waiting if not entry.done.is_set()]) >= AT_ONCE and time.monotonic() < until
    ):
        waiting[0].done.wait(0.02)
    return waiting if len(waiting) < AT_ONCE else waiting[1:]


def _interrupted(peer: DiscordGateway, lot: random.Random) -> None:
    before = len(peer.resumed)
    if lot.random() < 0.5:
        peer.cut(4000)
    else:
        peer.tell(RECONNECT)
    peer.until(lambda: len(peer.resumed) > before, 60)


def _ended(peer: DiscordGateway, waiting: list[Asked], end: Callable[[], None]) -> None:
    """End a session while no interaction is under way, because Discord forgets what it had not delivered."""
    for entry in waiting:
        entry.done.wait(3.0)
    before = len(peer.identified)
    end()
    peer.until(lambda: len(peer.identified) > before, 60)


def _answer(peer: DiscordGateway, name: str, **options: object) -> str:
    reply = peer.ask(name, user=1, **options)
    assert reply.done.wait(PATIENCE) and reply.message is not None, "the last question got no answer"
    return str(reply.message["embeds"][0]["description"])


# --- the bot -----------------------------------------------------------------------------------------------------


def edited(desk: QueryContext, stop: threading.Event, pause: float = 2.0) -> int:
    """Compose digests again, with another figure each time; returns the last stored value."""
    value = 1_000_000
    while True:
        document = desk.archive.find_digest("replicate", "day", query_contexts.ISSUED)
        assert document is not None
        value += 1
        document["catalogues"][0]["figures"]["uses"]["value"] = value
        document["composed_at"] = datetime.now(UTC).isoformat()
        desk.archive.save_digest(document)
        if stop.wait(pause):
            return value


def resident_kib() -> int:
    with open("/proc/self/status") as status:
        return next(int(row.split()[1]) for row in status if row.startswith("VmRSS:"))


@contextmanager
def answering(desk: QueryContext, rest: str, gateway: str) -> Any:
    discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = rest, yarl.URL(gateway)
    stop = threading.Event()
    # What the operator must mend is tried again after minutes, and what cannot be delivered for a week; here at once.
    connection.LONGEST_PAUSE = 0.5
    delivery_misses.MISSES = 1
    settings = discord_bot.BotSettings(api=rest)
    thread = threading.Thread(
        target=lambda: discord_bot.run_bot(desk, SecretStr(TOKEN), stop, bot_settings=settings, first_pause=0.05)
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def soak(count: int, folder: Path) -> int:
    context = multiprocessing.get_context("spawn")
    line, far = context.Pipe()
    process = context.Process(target=serve, args=(count, far), daemon=True)
    process.start()
    far.close()
    memory, values, over = list[int](), list[int](), threading.Event()
    rest, gateway = line.recv()
    with query_contexts.desk(folder) as desk, answering(desk, rest, gateway):
        publisher = watchers.Publisher(desk, rest, SecretStr(TOKEN))
        editor = threading.Thread(target=lambda: values.append(edited(desk, over)))
        teller = threading.Thread(target=lambda: publisher.run(over))
        editor.start()
        teller.start()
        began = time.monotonic()
        while not line.poll(1.0):
            memory.append(resident_kib())
        line.recv()
        took = time.monotonic() - began
        over.set()
        editor.join()
        teller.join()
        line.send("ask")
        heard: Heard = line.recv()
    line.send("end")
    process.join(20)
    return _verdict(heard, memory, values[0], took, publisher.told)


def _verdict(heard: Heard, memory: list[int], value: int, took: float, given_value: watchers.Told) -> int:
    third = len(memory) // 3
    middle, end = median(memory[third : 2 * third]), median(memory[2 * third :])
    lost = len(heard.unanswered) - heard.refused
    print(f"{heard.asked} interactions in {took:.0f} s; {lost} answers lost, {heard.refused} refused by the platform")
    print("faults: " + ", ".join(f"{count} {name}" for name, count in sorted(heard.armed.items())), end="; ")
    print(f"{heard.resumed} times resumed, {heard.sessions} sessions; slowest first answer {heard.late:.2f} s")
    print(f"memory, median of the middle third {middle / 1024:.0f} MB, of the last {end / 1024:.0f} MB", end="; ")
    print(f"digests edited {value - 1_000_000} times, the last answer says {heard.last.splitlines()[0]}")
    if lost > 0:
        print(f"without an answer, the refused among them: {'; '.join(heard.unanswered)}")
    wrong = [*_pressed(heard), *watchers.wrong(given_value, heard.direct)]
    for line in wrong:
        print(line)
    right = (
        lost <= 0
        and not wrong
        and end / middle <= (GROWS if heard.asked == INTERACTIONS else GROWS_SHORTENED)
        and f"{value:,}" in heard.last
    )
    print("soak: passed" if right else "soak: FAILED")
    return 0 if right else 1


def _pressed(heard: Heard) -> list[str]:
    """Print the results of buttons and direct messages; returns the faults of the buttons."""
    pressed, turned, resumed, older = heard.presses
    busy = sum("Ask again" in text for text in heard.sorry)
    print(f"{pressed} buttons pressed, {turned} answered, {busy} told to wait", end="; ")
    print(f"{resumed} under answers from before a resumption, {older} from before the session")
    direct = heard.direct
    print(f"{sum(direct.messages.values())} direct messages of {len({t for _, t in direct.messages})} days", end="; ")
    print(f"{direct.refused} met closed ones (50007)")
    texts = [f"instead of an answer a button brought: {text}" for text in heard.sorry if "Ask again" not in text]
    return texts[:5] + ["no button of an older connection was pressed"] * (not (resumed and older))


def main() -> int:
    argument_parser = argparse.ArgumentParser(description=__doc__)
    argument_parser.add_argument("--shorter", type=int, default=1, metavar="FACTOR")
    factor = argument_parser.parse_args().shorter
    print(f"soak: {INTERACTIONS // factor} of {INTERACTIONS} interactions, shortened by a factor of {factor}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("discord").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        return soak(INTERACTIONS // factor, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
