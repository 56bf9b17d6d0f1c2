"""The one way in which secrets are taken out of words: of log lines, errors on a terminal, reasons that are stored, and
pages. Whoever reads the secrets makes them known here; whoever says something passes it through `redact`.

A secret is found in each form in which one is likely to stand there: plain, percent-encoded (also twice, also by half),
escaped as JSON, Python or HTML, in base64 at any offset, in hexadecimal, and cut short by an ellipsis. Passwords in
addresses, user names there that are as long as a token, and the values of queries named like keys are taken out whoever
they belong to.
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
"""Characters of the shortest secret that is looked for: a shorter one is found in every second word."""
SHORTEST_PIECE = 8
"""Of one that was cut short or encoded as a whole."""
REDACTED = "[redacted]"
CUT = "…"
_CUT = re.compile(r"(…|\.\.\.)")
_PASSWORD = re.compile(r"(://[^/?#\s@:\"'<>]*:)(?!\*\*\*@)[^/?#\s@\"'<>]+@")
_LONG_USER = re.compile(r"(?<=://)[^/?#\s@:\"'<>]{16,}@")
_KEY = r"[\w-]*(?:token|secret|password|passwd|pwd|key|signature|sig|credential)"
# No backslash: in JSON and in Python's repr it begins the end of the text that the address stands in.
_QUERY = re.compile(rf"(?i)([?&](?:amp;)?{_KEY}=)[^&\s\"'<>#\\]+")
_KEY_NAME = re.compile(rf"(?i){_KEY}")

_ENVIRONMENT = re.compile(r"(?i)(token|secret|key|key_id|password|credentials|_url|_proxy)$|^X_")
"""Environment variables that hold a secret, whichever library reads them; of addresses, those that hold a password."""
_FOR_ADDRESSES = str.maketrans("+/", "-_")
_known: tuple[str, ...] = ()


def register_secrets(secrets: Iterable[SecretStr | str]) -> None:
    """From here on, `redact` takes these out; those of before are forgotten."""
    global _known
    _known = _all_plain(secrets)


def known_secrets() -> tuple[str, ...]:
    """What `redact` takes out, for a process that this one begins."""
    return _known


def secret_environment_values() -> list[str]:
    """What the environment holds that is likely a secret, whoever reads it."""
    named = [text for name, text in os.environ.items() if len(text) >= SHORTEST_PIECE and _ENVIRONMENT.search(name)]
    return [text for text in named if "://" not in text or holds_secret(text)]


def holds_secret(address: str) -> bool:
    """Whether an address is itself a secret: it names a user or holds a password."""
    return "@" in address or any(_address_passwords(address))


def redact(text: str) -> str:
    """A text without the secrets that are known."""
    text = _LONG_USER.sub(f"{REDACTED}@", _PASSWORD.sub(rf"\1{REDACTED}@", text))
    return _remove_secrets(_QUERY.sub(rf"\1{REDACTED}", text), _known)


def clip_text(text: str, limit: int) -> str:
    """The first characters of a text without the secrets that are known: a secret that is cut in two is not found."""
    return redact(text)[:limit]


def make_redactor(secrets: Iterable[SecretStr | str]) -> Callable[[str], str]:
    """Takes some secrets out of a text. The password in an address is one as well."""
    plain = _all_plain(secrets)
    return lambda text: _remove_secrets(text, plain)


def _remove_secrets(text: str, secrets: tuple[str, ...]) -> str:
    return _drop_cut_secrets(_secret_pattern(secrets).sub(REDACTED, text), _whole_forms(secrets)) if secrets else text


@lru_cache(maxsize=8)
def _whole_forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """The forms that are likely to be cut short: plain, and each that is made of the whole."""
    contents = [secret.encode("utf-8", "surrogatepass") for secret in secrets]
    coded = [
        text for content in contents for text in (content.hex(), quote(content, safe=""), *_base64_patterns(content))
    ]
    return (*secrets, *coded, *(text.translate(_FOR_ADDRESSES) for text in coded))


@lru_cache(maxsize=8)
def _secret_pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(pattern for secret in secrets for pattern in _encoded_patterns(secret)))


def _all_plain(secrets: Iterable[SecretStr | str]) -> tuple[str, ...]:
    """Longest first, so that no piece of one is taken for another."""
    given = [secret if isinstance(secret, str) else secret.get_secret_value() for secret in secrets]
    found = {form for secret in given for form in _plain_forms(secret) if len(form) >= SHORTEST}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _plain_forms(secret: str) -> Iterator[str]:
    yield secret
    if "://" in secret:
        yield from _address_passwords(secret)


def _address_passwords(address: str) -> Iterator[str]:
    """The password in an address and the values of its query that are named like keys, as written and as meant."""
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
    """One character, or a run of backslashes, in any of its forms. Every repetition has an end: strangers choose the
    text, and none is to make this go back and forth."""
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
    """What of base64 depends on this alone, at each of the three places where it may begin."""
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + content).decode()
        yield coded[-(-offset * 8 // 6) : (offset + len(content)) * 8 // 6]


def _drop_cut_secrets(text: str, secrets: Iterable[str]) -> str:
    """Without the beginnings of secrets that an ellipsis cut short."""
    pieces = _CUT.split(text)
    for number in range(0, len(pieces) - 1, 2):
        if len(pieces[number]) >= SHORTEST_PIECE:
            pieces[number] = _drop_cut_end(pieces[number], secrets)
    return "".join(pieces)


def _drop_cut_end(piece: str, secrets: Iterable[str]) -> str:
    """A piece of a text without the beginning of a secret that it ends with."""
    for secret in secrets:
        if secret[:SHORTEST_PIECE] not in piece[-len(secret) :]:
            continue
        lengths = range(min(len(secret), len(piece)), SHORTEST_PIECE - 1, -1)
        length = next((n for n in lengths if piece.endswith(secret[:n])), 0)
        if length:
            piece = piece[:-length] + REDACTED
    return piece


class RedactedStream:
    """A stream that says nothing secret, whoever writes to it."""

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
            raise AttributeError(name)  # whoever writes bytes below the text passes the redaction by
        return getattr(self._stream, name)
