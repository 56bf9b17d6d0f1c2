"""How long tests wait for what must come: longer than any machine needs, so that only what never comes ends there."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpx

PATIENCE = 300.0
"""Seconds."""


def make_client(**options: Any) -> httpx.Client:
    """A client that waits for a busy machine. httpx's own limit is 5 seconds."""
    return httpx.Client(timeout=PATIENCE, verify=_tls_context(), **options)


@cache
def _tls_context() -> ssl.SSLContext:
    """Reading the certificates takes longer than most tests, so it is done once."""
    return httpx.create_ssl_context()
