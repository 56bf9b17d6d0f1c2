"""The judge of a test run: every request to a local X or Discord, or simcord, is compared with the platform's
description and with the additional rules. `tests/conftest.py` checks the verdict after each test.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.peers import discord_rules, x_rules
from tests.peers.openapi import Allowed, Recorded, judged


@dataclass(frozen=True, slots=True)
class Platform:
    """The description and rules of a platform."""

    name: str
    files: tuple[str, ...]
    allowed: tuple[Allowed, ...]
    unwritten: Callable[[Recorded], Iterable[str]]

    def faults(self, requests: Iterable[Recorded]) -> list[str]:
        """The faults of requests, each once. Without SPECS_DIR, only the additional rules are checked."""
        faults = judged(self.files, requests, self.allowed, self.unwritten)
        if faults is None:
            faults = [
                f"{request.method} {request.path}: {text}" for request in requests for text in self.unwritten(request)
            ]
        return [f"{self.name}: {line}" for line in dict.fromkeys(faults)]


PLATFORMS = {
    "x": Platform("X", x_rules.FILES, x_rules.ALLOWED, x_rules.unwritten),
    "discord": Platform("Discord", discord_rules.FILES, discord_rules.ALLOWED, discord_rules.unwritten),
}


class Judge:
    """The requests since the last verdict, and the total. Peers report from their own threads."""

    def __init__(self) -> None:
        self.sitting = False
        self._heard: deque[tuple[str, Recorded]] = deque()
        self.tally: Counter[str] = Counter()
        """Judged requests by platform, and the milliseconds spent."""

    def hear(self, platform: str, recorded: Recorded) -> None:
        """Record a request."""
        if self.sitting:
            self._heard.append((platform, recorded))

    def verdict(self) -> list[str]:
        """The faults of the requests since the last verdict."""
        began, faults = time.perf_counter(), list[str]()
        heard: dict[str, list[Recorded]] = {}
        while self._heard:
            platform, recorded = self._heard.popleft()
            heard.setdefault(platform, []).append(recorded)
        for platform, requests in heard.items():
            self.tally[PLATFORMS[platform].name] += len(requests)
            faults += PLATFORMS[platform].faults(requests)
        self.tally["ms"] += round((time.perf_counter() - began) * 1000) if heard else 0
        return faults


JUDGE = Judge()


def hear_simcord(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """Record simcord's requests. Its client sends no headers, so the token's is added."""

    def heard(backend: Any, method: str, path: str, **more: Any) -> Any:
        params, body = more.get("params"), more.get("json")
        target = path + (f"?{urlencode(params, doseq=True)}" if params else "")
        headers = {"Content-Type": "application/json", "Authorization": "Bot of-simcord"}
        content = b"" if body is None else json.dumps(body).encode()
        JUDGE.hear("discord", Recorded(method, target, headers, content))
        return dispatch(backend, method, path, **more)

    return heard


def summary_lines(tally: Mapping[str, int]) -> list[str]:
    """The last lines of a run: how many requests were compared, or that none were."""
    if not tally:
        return []
    counts = " and ".join(f"{tally[p.name]:,} to {p.name}" for p in PLATFORMS.values())
    if os.environ.get("SPECS_DIR"):
        exceptions = sum(len(platform.allowed) for platform in PLATFORMS.values())
        took = f"{tally.get('ms', 0) / 1000:.1f} s, {exceptions} exceptions allowed"
        return [f"every request was compared with the platforms' descriptions: {counts}; {took}"]
    files = ", ".join(file for platform in PLATFORMS.values() for file in platform.files)
    return [
        f"NOT CHECKED: SPECS_DIR is not set, so no request was compared with the platforms' descriptions ({files});"
        f" {counts} met the rules that stand beside them only"
    ]
