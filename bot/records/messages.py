"""Reasons, gaps and mistakes as codes with parameters, in English words; `bot.render` has those of other languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from bot.records.message_templates import MESSAGES
from bot.records.periods import short_date

NOUNS: Mapping[str, str] = MappingProxyType(
    {"models": "model", "settlements": "settlement", "leaves": "leaf", "transfers": "transfer"}
)
"""Parameters that are shown as a number with its noun, which has the parameter's name."""
DAYS = frozenset({"day", "first", "last", "date", "until"})
"""Parameters that are days."""


class Message(str):
    """An English sentence that keeps its code and parameters, so that it can be shown in another language. Parameters
    are texts, counts, days and messages; those of `joined` a list of texts."""

    code: str
    params: Mapping[str, Any]

    def __new__(cls, text: str, code: str = "", params: Mapping[str, Any] = MappingProxyType({})) -> Message:
        made = super().__new__(cls, text)
        made.code, made.params = code, params
        return made

    def __str__(self) -> Message:
        return self

    def to_json(self) -> dict[str, Any]:
        """The code and the parameters as JSON."""
        return {"code": self.code, "params": {name: _param_to_json(value) for name, value in self.params.items()}}


def message(code: str, /, **params: Any) -> Message:
    """The sentence of a code with its parameters."""
    return Message(MESSAGES[code].format_map({k: _in_english(k, v) for k, v in params.items()}), code, params)


def join_messages(parts: Iterable[str], separator: str = "; ") -> str:
    """Several sentences as one; empty ones are left out."""
    held = [part for part in parts if part]
    return Message(separator.join(held), "joined", {"parts": held}) if len(held) > 1 else next(iter(held), "")


def message_parts(text: str) -> Sequence[str]:
    """The sentences of a text that `join_messages` made, or its lines."""
    if not isinstance(text, Message):
        return text.splitlines()
    parts: Sequence[str] = text.params["parts"] if text.code == "joined" else [text]
    return parts


def change_texts(text: str, change: Callable[[str], str]) -> str:
    """A sentence with every text in its parameters changed, or a changed text."""
    if not isinstance(text, Message):
        return change(text)
    if text.code == "joined":
        return join_messages(change_texts(part, change) for part in text.params["parts"])
    params = {k: change_texts(v, change) if isinstance(v, str) else v for k, v in text.params.items()}
    return text if params == text.params else message(text.code, **params)


def message_from_json(text: str, kept: Any) -> str:
    """The sentence of a text from its JSON. The plain text if that is not the JSON of a message."""
    try:
        return Message(text, kept["code"], {k: _param_from_json(k, v) for k, v in kept["params"].items()})
    except (AttributeError, KeyError, TypeError, ValueError):
        return text


def collect_messages(value: Any) -> dict[str, Any]:
    """Every message in a document as JSON, by its English words."""
    if isinstance(value, Message):
        return {str.__str__(value): value.to_json()}
    held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return {text: kept for part in held for text, kept in collect_messages(part).items()}


def restore_messages(document: dict[str, Any]) -> dict[str, Any]:
    """A document that was read from JSON, with its texts as messages again: changed in place."""
    known = {text: message_from_json(text, kept) for text, kept in document.get("reasons", {}).items()}

    def restore(held: Any) -> None:
        for key, value in held.items() if isinstance(held, dict) else enumerate(held):
            if isinstance(value, str):
                held[key] = known.get(value, value)
            elif isinstance(value, dict | list):
                restore(value)

    if known:
        restore(document)
    return document


def _in_english(name: str, value: Any) -> str:
    if isinstance(value, date):
        return short_date(value)
    if isinstance(value, int):
        noun = f" {NOUNS[name] if value == 1 else name}" if name in NOUNS else "%" if name == "percent" else ""
        return f"{value:,}{noun}"
    return str(value)


def _param_to_json(value: Any) -> Any:
    if isinstance(value, Message):
        return {"text": value, **value.to_json()}
    if isinstance(value, list):
        return [_param_to_json(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value


def _param_from_json(name: str, kept: Any) -> Any:
    if isinstance(kept, dict):
        return message_from_json(kept["text"], kept)
    if isinstance(kept, list):
        return [_param_from_json(name, part) for part in kept]
    return date.fromisoformat(kept) if name in DAYS else kept
