"""Rules that Discord's published description lacks, and where discord.py rightly differs from it.

Sources: github.com/discord/discord-api-docs, pages resources/message, resources/poll,
interactions/application-commands, interactions/receiving-and-responding, components/reference, reference (Locales).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import regex

from tests.peers.openapi import Allowed, Recorded

FILES = ("discord_openapi_2026-07-18.json",)

_CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
_HOOK = "/webhooks/{webhook_id}/{webhook_token}"
_CREATE, _EDIT = "/channels/{channel_id}/messages", "/channels/{channel_id}/messages/{message_id}"
_ORIGINAL = f"{_HOOK}/messages/@original"
_INTEGER = r"^(data\.)?attachments\.\d+\.id: \d+ is not of type 'string'"
_WHY_INTEGER = "discord.py numbers new files by integers, where the description wants strings; Discord takes both"
_FLAGS = r"^unknown key (data\.)?embeds\.flags$"
_WHY_FLAGS = "every embed that discord.py sends has flags, here always 0; described only of what Discord shows"
_WHY_NSFW = "on Discord's page of application commands (`nsfw`), and left out of the description"
_WHY_TTS = "discord.py says tts: false in an edit as well; Discord passes over it"
ALLOWED = (
    Allowed("POST", _CREATE, _INTEGER, _WHY_INTEGER),
    Allowed("PATCH", _EDIT, _INTEGER, _WHY_INTEGER),
    Allowed("POST", _CALLBACK, _INTEGER, _WHY_INTEGER),
    Allowed("PATCH", _ORIGINAL, _INTEGER, _WHY_INTEGER),
    Allowed("POST", _CREATE, _FLAGS, _WHY_FLAGS),
    Allowed("PATCH", _EDIT, _FLAGS, _WHY_FLAGS),
    Allowed("POST", _CALLBACK, _FLAGS, _WHY_FLAGS),
    Allowed("PATCH", _ORIGINAL, _FLAGS, _WHY_FLAGS),
    Allowed("PATCH", _EDIT, "^unknown key tts$", _WHY_TTS),
    Allowed("PATCH", _ORIGINAL, "^unknown key tts$", _WHY_TTS),
    Allowed("PUT", "/applications/{application_id}/commands", "^unknown key nsfw$", _WHY_NSFW),
)

MESSAGE, DEFERRED, UPDATE, COMPLETION = 4, 5, 7, 8
ROW, BUTTON, LINK = 1, 2, 5
COMMAND_NAME = regex.compile(r"[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}")
_LOCALES = "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th"
# Arabic and Hebrew stand in the OpenAPI description (AvailableLocalesEnum) and not on the page.
LOCALES = frozenset([*_LOCALES.split(), "zh-CN", "ja", "zh-TW", "ko", "ar", "he"])


def unwritten(recorded: Recorded) -> Iterator[str]:
    """The faults of a request by rules that no schema has: the documentation's, and our own (nobody is ever mentioned,
    every file has an alt text, a message in a channel has a nonce)."""
    body, path = recorded.document(), recorded.path
    if recorded.method == "PUT" and path.endswith("/commands"):
        assert isinstance(body, list)
        yield from _commands(body)
    elif isinstance(body, dict) and path.endswith("/callback"):
        yield from _callback(body)
    elif isinstance(body, dict) and re.search(r"/messages(/[^/]+)?$|^/webhooks/\d+/[^/]+$", path):
        yield from _message(body, edit=recorded.method == "PATCH")
        if recorded.method == "POST" and path.startswith("/channels/"):
            yield from _nonce(body)


def _nonce(body: Mapping[str, Any]) -> Iterator[str]:
    if not (body.get("nonce") and body.get("enforce_nonce") is True):
        yield "no nonce"


def _callback(body: Mapping[str, Any]) -> Iterator[str]:
    given = body.get("data") or {}
    if body["type"] in (MESSAGE, UPDATE):
        yield from _message(given, edit=body["type"] == UPDATE)
    elif body["type"] == DEFERRED and set(given) - {"flags"}:
        yield "a deferred answer that says more than its flags"
    elif body["type"] == COMPLETION:
        for choice in given.get("choices", ()):
            if not all(1 <= len(str(choice[key])) <= 100 for key in ("name", "value")):
                yield "a choice of no or more than 100 characters"


# --- messages -------------------------------------------------------------------------------------------------------


def _message(body: Mapping[str, Any], *, edit: bool) -> Iterator[str]:
    embeds, poll = body.get("embeds") or [], body.get("poll") or {}
    if body.get("allowed_mentions") != {"parse": []}:
        yield "somebody could be mentioned"
    if len(str(body.get("content") or "")) > 2000:
        yield "content above 2000"
    if sum(map(_length, embeds)) > 6000:
        yield "embeds above 6000"
    if any("image" in embed and not embed["image"].get("description") for embed in embeds):
        yield "an embed with a picture that has no alt text"
    if any(len(answer["poll_media"]["text"]) > 55 for answer in poll.get("answers", ())):
        yield "poll answer above 55"
    if poll and embeds:
        yield "a poll with embeds"
    if any(not entry.get("description") for entry in body.get("attachments") or () if "filename" in entry):
        yield "a file without alt text"
    if not (edit or str(body.get("content") or "").strip() or embeds or poll or body.get("attachments")):
        yield "an empty message"
    yield from _rows(body.get("components") or [])


def _length(embed: Mapping[str, Any]) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts += [(embed.get("author") or {}).get("name")]
    texts += [text for entry in embed.get("fields") or () for text in (entry["name"], entry["value"])]
    return sum(len((text or "").strip()) for text in texts)


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if sum(row["type"] == ROW for row in rows) > 5:
        yield "more than 5 action rows"
    ids = [
        component["custom_id"] for row in rows for component in row.get("components", ()) if "custom_id" in component
    ]
    if len(set(ids)) < len(ids):
        yield "two components of the same custom_id"
    for row in rows:
        for component in row.get("components", ()):
            if component["type"] == BUTTON and component.get("style") != LINK and not component.get("custom_id"):
                yield "a button without custom_id"


# --- commands -------------------------------------------------------------------------------------------------------


def _commands(commands: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if sum(command.get("type", 1) == 1 for command in commands) > 100:
        yield "more than 100 commands"
    if len({(command.get("type", 1), command["name"]) for command in commands}) < len(commands):
        yield "two commands of the same name"
    for command in commands:
        yield from (f"/{command['name']}: {wrong}" for wrong in _command(command))


def _command(document: Mapping[str, Any]) -> Iterator[str]:
    options = document.get("options") or []
    yield from _named(document)
    for option in options:
        yield from (f"{option['name']}: {wrong}" for wrong in (*_named(option), *_option(option)))
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        yield "a required option after one that is not"
    if len({option["name"] for option in options}) < len(options):
        yield "two options of the same name"
    if _weight(document) > 8000:
        yield "more than 8000 characters"


def _named(document: Mapping[str, Any]) -> Iterator[str]:
    if not 1 <= len(document.get("description") or "") <= 100:
        yield "wanted a description of 1 to 100 characters"
    for name in (document["name"], *(document.get("name_localizations") or {}).values()):
        if not COMMAND_NAME.fullmatch(name) or name != name.lower():
            yield f"{name!r} is no name for a command or an option"
    for texts in ("name_localizations", "description_localizations"):
        for locale in (document.get(texts) or {}).keys() - LOCALES:
            yield f"{texts}: {locale!r} is no locale of Discord's"


def _option(option: Mapping[str, Any]) -> Iterator[str]:
    choices = option.get("choices") or []
    if choices and option.get("autocomplete"):
        yield "choices and autocomplete"
    if len(choices) > 25 or any(not 1 <= len(str(c[key])) <= 100 for c in choices for key in ("name", "value")):
        yield "more than 25 choices, or one of no or more than 100 characters"


def _weight(document: Mapping[str, Any]) -> int:
    """Characters of names, descriptions and values; for each text, that of the longest locale."""
    total = 0
    for name in ("name", "description"):
        total += max(
            len(text) for text in (document.get(name) or "", *(document.get(f"{name}_localizations") or {}).values())
        )
    total += len(document["value"]) if isinstance(document.get("value"), str) else 0
    return total + sum(_weight(part) for key in ("options", "choices") for part in document.get(key) or ())
