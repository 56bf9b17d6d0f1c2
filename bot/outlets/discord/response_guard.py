"""Protects every discord.py session from hostile responses: discord.py limits no response and follows a redirect to any
host, with the message and its pictures. Imported with aiohttp, only where needed."""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp

ANSWER_LIMIT = 8 * 2**20
"""Bytes of one response, uncompressed. A page of 100 messages is some 300 kB."""
SWITCHING = 101
"""The status of a switch to a websocket: it has no body."""


class GuardError(aiohttp.ClientError):
    """A response that was refused; the message is safe to store."""


def make_trace_config() -> aiohttp.TraceConfig:
    """Hooks for a session: no response may exceed `ANSWER_LIMIT`, whatever it declares, or redirect elsewhere. Raises
    `GuardError` out of the request."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse)
    trace.on_request_end.append(_read)
    return trace


async def _refuse(_: aiohttp.ClientSession, __: SimpleNamespace, answer: aiohttp.TraceRequestRedirectParams) -> None:
    answer.response.close()
    raise GuardError("a redirect to another address, not followed")


async def _read(_: aiohttp.ClientSession, __: SimpleNamespace, answer: aiohttp.TraceRequestEndParams) -> None:
    """Reads the body before the library does, chunk by chunk; `read` then returns it."""
    response, body = answer.response, bytearray()
    if response.status == SWITCHING:
        return
    try:
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > ANSWER_LIMIT:
                raise GuardError(f"an answer of more than {ANSWER_LIMIT} bytes, not read")
    except BaseException:
        response.close()
        raise
    response._body = bytes(body)
