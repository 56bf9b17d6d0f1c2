"""Removes secrets from text: log lines, errors on a terminal, stored reasons and pages. Code that reads secrets
registers them here; code that writes text passes it through `redact`.

A secret is found in its likely forms: plain, percent-encoded (also twice or partly), escaped as JSON, Python or HTML,
in base64 at any offset, in hexadecimal, and truncated by an ellipsis. Passwords in URLs, user names there that are as
long as a token, and the values of URL parameters named like keys are removed whoever they belong to.
"""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, TextIO
from urllib.parse import quote, unquote, unquote_plus, urlsplit

if TYPE_CHECKING:
    from pydantic import SecretStr

SHORTEST = 4
"""Characters of the shortest secret that is searched for: a shorter one is part of many words."""
SHORTEST_PIECE = 8
"""The same for one that was truncated or encoded as a whole."""
REDACTED = "[redacted]"
CUT = "…"
_CUT = re.compile(r"(…|\.\.\.)")
_PASSWORD = re.compile(r"(://[^/?#\s@:\"'<>]*:)(?!\*\*\*@)[^/?#\s@\"'<>]+@")
_LONG_USER = re.compile(r"(?<=://)[^/?#\s@:\"'<>]{16,}@")
_KEY = r"[\w-]*(?:token|secret|password|passwd|pwd|key|signature|sig|credential)"
# No backslash: in JSON and in Python's repr it begins the end of the text that contains the URL. A last colon or stop
# belongs to the sentence around it.
_QUERY = re.compile(rf"(?i)([?&](?:amp;)?{_KEY}=)[^&\s\"'<>#\\]+?(?=[:;,.!?)]?(?:[\s\"'<>]|$)|[&#\\])")
_KEY_NAME = re.compile(rf"(?i){_KEY}")

_ENVIRONMENT = re.compile(r"(?i)(token|secret|key|key_id|password|credentials|_url|_proxy)$|^X_")
"""Environment variables that hold a secret, whichever library reads them; of URLs, those that hold a password."""
_FOR_ADDRESSES = str.maketrans("+/", "-_")
_known: tuple[str, ...] = ()


def register_secrets(secrets: Iterable[SecretStr | str]) -> None:
    """Set the secrets that `redact` removes; earlier ones are forgotten."""
    global _known
    _known = _all_plain(secrets)


def known_secrets() -> tuple[str, ...]:
    """The secrets that `redact` removes, for a child process."""
    return _known


def secret_environment_values() -> list[str]:
    """The likely secrets in the environment, whoever reads them."""
    named = [text for name, text in os.environ.items() if len(text) >= SHORTEST_PIECE and _ENVIRONMENT.search(name)]
    return [text for text in named if "://" not in text or holds_secret(text)]


def holds_secret(address: str) -> bool:
    """Whether a URL is itself a secret: it names a user or holds a password."""
    return "@" in address or any(_address_passwords(address))


def redact(text: str) -> str:
    """A text without the registered secrets."""
    text = _LONG_USER.sub(f"{REDACTED}@", _PASSWORD.sub(rf"\1{REDACTED}@", text))
    return _remove_secrets(_QUERY.sub(rf"\1{REDACTED}", text), _known)


def clip_text(text: str, limit: int) -> str:
    """The first characters of a text, redacted before the cut, because a truncated secret may not be found."""
    return redact(text)[:limit]


def make_redactor(secrets: Iterable[SecretStr | str]) -> Callable[[str], str]:
    """A function that removes some secrets from a text. The password in a URL is one as well."""
    plain = _all_plain(secrets)
    return lambda text: _remove_secrets(text, plain)


def _remove_secrets(text: str, secrets: tuple[str, ...]) -> str:
    return _drop_cut_secrets(_secret_pattern(secrets).sub(REDACTED, text), _whole_forms(secrets)) if secrets else text


@lru_cache(maxsize=8)
def _whole_forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """The forms that are likely to be truncated: plain, and those that encode the whole."""
    contents = [secret.encode("utf-8", "surrogatepass") for secret in secrets]
    coded = [
        text for content in contents for text in (content.hex(), quote(content, safe=""), *_base64_patterns(content))
    ]
    return (*secrets, *coded, *(text.translate(_FOR_ADDRESSES) for text in coded))


@lru_cache(maxsize=8)
def _secret_pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(pattern for secret in secrets for pattern in _encoded_patterns(secret)))


def _all_plain(secrets: Iterable[SecretStr | str]) -> tuple[str, ...]:
    """Longest first, so that no part of one is taken for another."""
    given = [secret if isinstance(secret, str) else secret.get_secret_value() for secret in secrets]
    forms = {form for secret in given for form in _plain_forms(secret) if len(form) >= SHORTEST}
    return tuple(sorted(forms, key=lambda text: (-len(text), text)))


def _plain_forms(secret: str) -> Iterator[str]:
    yield secret
    if "://" in secret:
        yield from _address_passwords(secret)


def _address_passwords(address: str) -> Iterator[str]:
    """The password in a URL and the values of its parameters that are named like keys, as written and decoded."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    fields = [field.partition("=") for field in parts.query.split("&")]
    for password in (parts.password or "", *(value for name, _, value in fields if _KEY_NAME.fullmatch(name))):
        if password:
            yield from (password, unquote(password), unquote_plus(password))


def _encoded_patterns(secret: str) -> Iterator[str]:
    yield "".join(_character_pattern(sign) for sign in re.findall(r"\\+|[^\\]", secret, re.DOTALL))
    content = secret.encode("utf-8", "surrogatepass")
    if len(content) >= SHORTEST_PIECE:
        yield f"(?i:{content.hex()})"
        for text in _base64_patterns(content):
            yield re.escape(text)
            yield re.escape(text.translate(_FOR_ADDRESSES))


def _character_pattern(sign: str) -> str:
    """One character, or a run of backslashes, in any of its forms. Every repetition is bounded: the text is hostile and
    must not cause backtracking."""
    if sign[0] == "\\":
        length = len(sign)
        return rf"(?:\\{{{length},{8 * length}}}|(?i:(?:%(?:25){{0,3}}5c|&\#(?:92|x5c);){{{length}}}))"
    content, code = sign.encode("utf-8", "surrogatepass"), ord(sign)
    percent = "".join(rf"%(?:25){{0,3}}{byte:02x}" for byte in content)
    units = sign.encode("utf-16-be", "surrogatepass")
    pairs = "".join(rf"{_ESCAPE}u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))
    forms = [rf"(?i:{percent}|{pairs}|{_ESCAPE}u{code:08x}|&\#(?:0{{0,6}}{code}|x0{{0,6}}{code:x});)", re.escape(sign)]
    if code < 256:
        forms.append(rf"{_ESCAPE}(?i:x{code:02x})")
    if not sign.isalnum():
        forms.append(_ESCAPE + re.escape(sign))
    if sign in _NAMED:
        forms.append(_ESCAPE + _NAMED[sign])
    if html.escape(sign) != sign:
        forms.append(re.escape(html.escape(sign)))
    return f"(?:{'|'.join(forms)}{'|[+]' if sign == ' ' else ''})"


_ESCAPE = r"\\{1,8}"
_NAMED = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def _base64_patterns(content: bytes) -> Iterator[str]:
    """The parts of the base64 text that depend only on this content, at each of the three offsets."""
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + content).decode()
        yield coded[-(-offset * 8 // 6) : (offset + len(content)) * 8 // 6]


def _drop_cut_secrets(text: str, secrets: Iterable[str]) -> str:
    """A text without the beginnings of secrets that an ellipsis truncates."""
    pieces = _CUT.split(text)
    for number in range(0, len(pieces) - 1, 2):
        if len(pieces[number]) >= SHORTEST_PIECE:
            pieces[number] = _drop_cut_end(pieces[number], secrets)
    return "".join(pieces)


def _drop_cut_end(piece: str, secrets: Iterable[str]) -> str:
    """A text without the beginning of a secret at its end."""
    for secret in secrets:
        if secret[:SHORTEST_PIECE] not in piece[-len(secret) :]:
            continue
        lengths = range(min(len(secret), len(piece)), SHORTEST_PIECE - 1, -1)
        length = next((n for n in lengths if piece.endswith(secret[:n])), 0)
        if length:
            piece = piece[:-length] + REDACTED
    return piece


class RedactedStream:
    """A stream that removes secrets from everything that is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        if name in ("buffer", "detach"):
            raise AttributeError(name)  # writing bytes to the underlying stream would bypass the redaction
        return getattr(self._stream, name)
