"""What keeps an answer of Discord's from doing harm, for every session of discord.py: it sets no limit to what it reads
and follows a redirect to any host, with the message and its pictures. Imported with aiohttp, where that is needed."""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp

ANSWER_LIMIT = 8 * 2**20
"""Bytes of one answer, unpacked. A page of 100 messages is some 300 kB."""
SWITCHING = 101
"""The status of what becomes a websocket: it has no body."""


class GuardError(aiohttp.ClientError):
    """An answer that was refused, in words that may be kept."""


def make_trace_config() -> aiohttp.TraceConfig:
    """Hooks for a session: none of its answers is larger than `ANSWER_LIMIT`, whatever it declares, and none leads
    elsewhere. Raises `GuardError` out of the request."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse)
    trace.on_request_end.append(_read)
    return trace


async def _refuse(_: aiohttp.ClientSession, __: SimpleNamespace, answer: aiohttp.TraceRequestRedirectParams) -> None:
    answer.response.close()
    raise GuardError("a redirect to another address, not followed")


async def _read(_: aiohttp.ClientSession, __: SimpleNamespace, answer: aiohttp.TraceRequestEndParams) -> None:
    """Reads the body in the library's place, piece by piece; `read` then returns what is there."""
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
