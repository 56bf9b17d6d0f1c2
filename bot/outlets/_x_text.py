"""What X makes of a text: how long it is, and what in it becomes a link, mention or tag. Pure.

Rules: docs.x.com counting-characters and create-post (Aug 2026); twitter-text's configuration v3.
"""

from __future__ import annotations

import re

_HASHTAG = re.compile(r"(?<![\w&/])[#＃]\w*[^\W\d_]\w*")
_CASHTAG = re.compile(r"(?<![\w$])\$[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?!\w)")
_MENTION = re.compile(r"(?<![\w!@#$%&*])[@＠]\w{1,20}")


def unsendable(text: str) -> bool:
    """Whether it holds signs that X refuses (U+FFFE, U+FEFF, U+FFFF)."""
    return any(sign in text for sign in "\ufffe\ufeff\uffff")


def hashtags(text: str) -> list[str]:
    return _HASHTAG.findall(text)


def cashtags(text: str) -> list[str]:
    return _CASHTAG.findall(text)


def mentions(text: str) -> list[str]:
    return _MENTION.findall(text)
