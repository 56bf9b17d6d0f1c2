"""Compressed answers: a few bytes never become more than the limit of a body."""

from __future__ import annotations

import gzip

import httpx
import pytest

from bot.clients.http import BodyTooLargeError, decoded_chunks, read_capped

NEVER = float("inf")


def body(content: bytes, coding: str, size: int = 1000, piece: int = 100) -> bytes:
    """The decoded body of an answer that comes in pieces."""
    pieces = (content[start : start + piece] for start in range(0, len(content), piece))
    response = httpx.Response(200, headers={"Content-Encoding": coding}, content=pieces)
    return bytes(read_capped(decoded_chunks(response, size), size, NEVER))


def test_gzip_and_plain_are_read() -> None:
    text = b"some words " * 50
    assert body(text, "identity") == body(gzip.compress(text), "gzip") == body(gzip.compress(text), "X-GZIP") == text


def test_an_answer_without_a_body_is_empty() -> None:
    """As of a 204 whose server names a coding all the same."""
    assert body(b"", "gzip") == b""


def test_no_more_than_the_limit_is_ever_decoded() -> None:
    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=iter([gzip.compress(bytes(10**7))]))
    chunks = decoded_chunks(response, 1000)
    assert len(next(chunks)) <= 1001
    with pytest.raises(BodyTooLargeError):
        next(chunks)


def test_codings_that_were_not_asked_for_are_refused() -> None:
    """Gzip within gzip once made 2 GB of 1.8 KB."""
    twice = gzip.compress(gzip.compress(bytes(10**6)))
    for coding in ("gzip, gzip", "deflate", "br"):
        with pytest.raises(httpx.DecodingError, match="wanted gzip or plain"):
            body(twice, coding)


@pytest.mark.parametrize("content", [gzip.compress(b"words" * 99)[:-4], b"no gzip"], ids=["cut off", "no gzip"])
def test_a_damaged_answer_is_no_answer(content: bytes) -> None:
    with pytest.raises(httpx.DecodingError):
        body(content, "gzip")
