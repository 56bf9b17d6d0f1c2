"""Generated events: 10,000 models and 1,000,000 callers, both by Zipf's law, each event with a unique hash.

The same number gives the same event in every process, so that one process can check what another wrote.
"""

from __future__ import annotations

import random
from bisect import bisect
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path

from bot.records import SafeName, Use, start_of_day

MODELS = 10_000
CALLERS = 1_000_000
DAY = date(2026, 3, 1)


def weights(count: int, power: float) -> list[float]:
    return list(accumulate((n + 1) ** -power for n in range(count)))


def uses(count: int, day: date, seed: int, first_block: int = 1) -> list[Use]:
    """So many uses of one day, ten per block."""
    chance = random.Random(seed)
    names = [SafeName(f"author{n // 3}/model-{n}") for n in range(MODELS)]
    by_model, by_caller = weights(MODELS, 1.1), weights(CALLERS, 1.05)
    uses, at = [], start_of_day(day)
    for n in range(count):
        model = names[bisect(by_model, chance.random() * by_model[-1])]
        caller = bisect(by_caller, chance.random() * by_caller[-1])
        place = f"0x{chance.getrandbits(256):064x}:{n % 10}"
        moment = at + timedelta(seconds=n * 86400 // count)
        uses.append(Use(place, first_block + n // 10, moment, 1, model, f"0x{caller * 2654435761:040x}", model))
    return uses


PEAK = "VmHWM:"


def peak_mb() -> float:
    """The peak memory of this process, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(PEAK):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
