"""A secret is removed from a text in every likely form."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot import redaction
from bot.redaction import CUT, REDACTED, SHORTEST, RedactedStream, make_redactor, redact

SECRET = 'cana/ry+"quoted"\\ü=\n7&<token>'
DATABASE = "postgresql://footfall:p%40ss%2Fword@db.example/footfall"

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, small letters": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, slashes kept": quote,
    "percent, as a form": quote_plus,
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, by half": lambda text: quote(text[:5], safe="") + text[5:],
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with its letters": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON of a query": lambda text: json.dumps(f"?q={quote(text)}")[4:-1],
    "Python": lambda text: repr(text)[1:-1],
    "Python's bytes": lambda text: repr(text.encode("latin-1"))[2:-1],
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 after a user": lambda text: base64.b64encode(b"a:" + text.encode() + b":z").decode(),
    "base64 after another": lambda text: base64.b64encode(b"ab:" + text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "cut short": lambda text: text[:10] + CUT,
    "cut short by full stops": lambda text: text[:10] + "...",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    shown = FORMS[form](SECRET)
    text = make_redactor([SecretStr(SECRET)])(f"before {shown} after")
    assert REDACTED in text and text.startswith("before ") and text.endswith(" after")
    kept = text.replace(REDACTED, "")
    assert not any(shown[n : n + 8] in kept for n in range(len(shown) - 7)), text


def test_the_password_in_an_address_is_a_secret_of_its_own() -> None:
    redactor = make_redactor([SecretStr(DATABASE)])
    for form in ("p@ss/word", "p%40ss%2Fword", "p%40ss%2fword", DATABASE):
        assert redactor(f"x {form} y") == f"x {REDACTED} y"


def test_a_password_in_the_query_of_an_address_is_a_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "postgresql://db.example/footfall?user=ann&password=hunter%2F2+b"
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("STATUS_URL", "https://db.example/?page=2")
    secret_environment_values = redaction.secret_environment_values()
    assert address in secret_environment_values and "https://db.example/?page=2" not in secret_environment_values
    for form in ("hunter%2F2+b", "hunter/2+b", "hunter/2 b", address):
        assert make_redactor(secret_environment_values)(f"x {form} y") == f"x {REDACTED} y"


def test_an_address_that_is_none_is_a_secret_as_it_stands() -> None:
    assert make_redactor(["http://[ann:hunter2"])("x http://[ann:hunter2 y") == f"x {REDACTED} y"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("https://ann:hunter2@thief.example/x", f"https://ann:{REDACTED}@thief.example/x"),
        ("https://ghp_0123456789abcdefghij@thief.example/x", f"https://{REDACTED}@thief.example/x"),
        ("at postgresql://footfall:***@db/x", "at postgresql://footfall:***@db/x"),
        ("at postgresql://footfall@db/x", "at postgresql://footfall@db/x"),
        ("https://x.example/?a=1&api_key=hush&b=2", f"https://x.example/?a=1&api_key={REDACTED}&b=2"),
        ("https://x.example/?access_token=hush", f"https://x.example/?access_token={REDACTED}"),
        ("https://x.example/?key=hush: 404 Not Found", f"https://x.example/?key={REDACTED}: 404 Not Found"),
        ("(see https://x.example/?key=hu.sh:)!)", f"(see https://x.example/?key={REDACTED})"),
        ("at https://x.example/?key=h.", f"at https://x.example/?key={REDACTED}."),
        ("https://x.example/?key=:!", f"https://x.example/?key={REDACTED}!"),
        ("https://x.example/?a=1&amp;key=hush&amp;b=2", f"https://x.example/?a=1&amp;key={REDACTED}&amp;b=2"),
        *(
            (f"https://x.example/?{name}=hush&b=2", f"https://x.example/?{name}={REDACTED}&b=2")
            for name in ("sslpassword", "passwd", "pwd", "access_key", "X-Amz-Signature", "X-Amz-Credential")
        ),
        ("https://x.example/@someone", "https://x.example/@someone"),
        ("ann@example.com wrote", "ann@example.com wrote"),
    ],
)
def test_what_an_address_holds_is_taken_out_whoever_it_belongs_to(text: str, word: str) -> None:
    redaction.register_secrets([])
    assert redact(text) == word


def test_a_text_is_clipped_after_its_secrets_are_taken_out() -> None:
    redaction.register_secrets([SecretStr("canary-0123456789")])
    for limit in range(470, 500):
        assert (
            redaction.clip_text("x" * 460 + "canary-0123456789 and more", limit)
            == ("x" * 460 + f"{REDACTED} and more")[:limit]
        )
    redaction.register_secrets([])


def test_what_is_known_last_is_what_is_taken_out() -> None:
    redaction.register_secrets([SecretStr("first secret")])
    assert redact("the first secret") == f"the {REDACTED}"
    redaction.register_secrets([SecretStr("second secret")])
    assert redact("the first secret, the second secret") == f"the first secret, the {REDACTED}"
    redaction.register_secrets([])


def test_a_stream_says_nothing_secret() -> None:
    redaction.register_secrets([SecretStr(SECRET)])
    under = io.StringIO()
    stream = RedactedStream(under)
    print("a", SECRET, file=stream)  # type: ignore[arg-type]
    stream.writelines([SECRET, "z"])
    assert under.getvalue() == f"a {REDACTED}\n{REDACTED}z" and stream.isatty() is False  # type: ignore[operator]
    redaction.register_secrets([])


def test_nobody_writes_below_a_stream_that_says_nothing_secret() -> None:
    stream = RedactedStream(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert not hasattr(stream, "buffer") and not hasattr(stream, "detach") and stream.encoding == "ascii"


class Counted(str):
    """A text that counts comparisons of its end."""

    ends = 0

    def __getitem__(self, key: Any) -> Counted:
        return Counted(super().__getitem__(key))

    def endswith(self, *given: Any) -> bool:
        Counted.ends += 1
        return super().endswith(*given)


def test_a_piece_that_holds_no_beginning_of_a_secret_is_compared_with_none() -> None:
    """The text is hostile: an ellipsis costs no more than a letter."""
    Counted.ends = 0
    assert redaction._drop_cut_end(Counted("nothing of a secret"), ["canary-0123456789"] * 40) and Counted.ends == 0
    assert redaction._drop_cut_end(Counted("x canary-01"), ["canary-0123456789"]) == f"x {REDACTED}" and Counted.ends


def test_without_secrets_nothing_changes_and_short_ones_are_let_be() -> None:
    assert make_redactor([])("all of it") == make_redactor([SecretStr("all")])("all of it") == "all of it"


@given(st.text(min_size=SHORTEST), st.text(), st.text())
def test_a_secret_is_found_wherever_it_stands(secret: str, before: str, after: str) -> None:
    redactor = make_redactor([SecretStr(secret)])
    for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        assert form not in redactor(before + form + after).replace(REDACTED, "\0")


def repetitions(parsed: Any) -> Iterator[int]:
    """The upper limit of each repetition in a pattern."""
    for operation, argument in parsed:
        if str(operation) == "MAX_REPEAT":
            yield int(argument[1])
        for piece in argument if isinstance(argument, tuple | list) else ():
            for entry in piece if isinstance(piece, list) else (piece,):
                if type(entry).__name__ == "SubPattern":
                    yield from repetitions(entry)


def test_no_piece_of_a_pattern_repeats_without_end() -> None:
    """The text is hostile and must not cause backtracking."""
    secrets = ("\\" * 40, '\\"' * 20, SECRET, "a" * 40, " \n\t" * 9, "\U0001f600" * 5)
    numbers = list(repetitions(re._parser.parse(redaction._secret_pattern(secrets).pattern)))  # type: ignore[attr-defined]
    assert numbers and max(numbers) <= 8 * 40


@pytest.mark.parametrize(
    "text", ["\\" * 50_000, "%25" * 20_000, '\\"' * 30_000, "://" * 20_000, "?key" * 20_000, "&" + "key-" * 50_000]
)
def test_a_long_text_of_odd_signs_comes_back_as_it_was(text: str) -> None:
    redaction.register_secrets([SecretStr(SECRET), SecretStr("x" * 8 + "\\" * 40 + "y")])
    assert redact(text) == text
    redaction.register_secrets([])
