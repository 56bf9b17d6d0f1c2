"""How long tests wait for what must come: longer than any machine needs, so that only what never comes ends there."""

from __future__ import annotations

from typing import Any

import httpx

from bot.clients.recording import tls_context

PATIENCE = 300.0
"""Seconds."""


def make_client(**options: Any) -> httpx.Client:
    """A client that waits for a busy machine. httpx's own limit is 5 seconds."""
    return httpx.Client(timeout=PATIENCE, verify=tls_context(), **options)
