"""X's rules for a text: its weighted length, and which parts become a link, mention, list, hashtag or cashtag. Pure.

Rules: twitter-text 3 (github.com/twitter/twitter-text, configuration v3) and docs.x.com, counting-characters. The tests
run its official conformance cases. Where this module and X could differ, it counts more and finds more than X does.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import regex

Kind = Literal["url", "mention", "list", "hashtag", "cashtag"]
_KINDS: dict[str, Kind] = {"@": "mention", "\uff20": "mention", "#": "hashtag", "\uff03": "hashtag", "$": "cashtag"}

SCALE, DEFAULT_WEIGHT, URL_LENGTH = 100, 200, 23
LIGHT = (range(0, 4352), range(8192, 8206), range(8208, 8224), range(8242, 8248))
"""Code points of weight 100 in the configuration v3; all others and every emoji weigh 200."""
EMOJI_VERSION = 14
"""The last version of Unicode's emoji that X's own parser (twemoji-parser 14) knows. It splits later sequences into
parts."""
URL_LIMIT, SHORT_LINK_LIMIT = 4096, 40

_DIRECTIONS = r"\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069"
_FORBIDDEN = r"\ufffe\ufeff\uffff"
_SPACES = r"\x09-\x0d\x20\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PUNCTUATION = r"!'#%&'()*+,\\\-./:;<=>?@\[\]\^_{|}~$"
_LATIN = (
    r"\xc0-\xd6\xd8-\xf6\xf8-\xff\u0100-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289\u028b"
    r"\u02bb\u0300-\u036f\u1e00-\u1eff"
)

_DOMAIN_CHARACTER = rf"[^{_PUNCTUATION}{_SPACES}{_FORBIDDEN}{_DIRECTIONS}]"
_SUBDOMAIN = rf"{_DOMAIN_CHARACTER}++(?:[_-]++{_DOMAIN_CHARACTER}++)*+\."
_DOMAIN_NAME = rf"{_DOMAIN_CHARACTER}++(?:-++{_DOMAIN_CHARACTER}++)*+\."
_PATH_CHARACTER = rf"[a-z\u0400-\u04ff0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_LATIN}]"
_PARENTHESES = rf"\((?:{_PATH_CHARACTER}+|(?:{_PATH_CHARACTER}*\({_PATH_CHARACTER}+\){_PATH_CHARACTER}*))\)"
_PATH_END = rf"(?:[+\-a-z\u0400-\u04ff0-9=_#/{_LATIN}]|(?:{_PARENTHESES}))"
_PATH = rf"(?:(?:{_PATH_CHARACTER}*(?:{_PARENTHESES}{_PATH_CHARACTER}*)*{_PATH_END})|(?:@{_PATH_CHARACTER}+/))"
_QUERY = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/]"
_SHORT_LINK = regex.compile(rf"https?://t\.co/(?P<slug>[a-z0-9]+)(?:{_QUERY})?", regex.IGNORECASE)

_TAG_CHARACTER = (
    r"[\p{L}\p{M}\p{Nd}_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\xb7]"
)
# The entity is atomic: the characters after it decide about all of it, not about a shorter one.
_HASHTAG = regex.compile(
    rf"(?:^|(?<=[\ufe0e\ufe0f])|(?<!{_TAG_CHARACTER}|&))"
    rf"(?>[#\uff03](?!\ufe0f|\u20e3){_TAG_CHARACTER}*[\p{{L}}\p{{M}}]{_TAG_CHARACTER}*)(?!://|[#\uff03])"
)
_MENTION = regex.compile(
    r"(?<=^|[^a-zA-Z0-9_!#$%&*@\uff20]|(?:^|[^a-zA-Z0-9_+~.-])(?:rt|RT|rT|Rt):?)"
    rf"(?>[@\uff20][a-zA-Z0-9_]{{1,20}}(/[a-zA-Z][a-zA-Z0-9_-]{{0,24}})?)(?![@\uff20{_LATIN}]|://)"
)
_INNER_DOT = re.compile(r"\.[^\s\d]")
"""What every domain holds: a dot before the first letter of its last label."""
_HEAVY = re.compile("[^" + "".join(f"{chr(light[0])}-{chr(light[-1])}" for light in LIGHT) + "]")
_CASHTAG = regex.compile(
    rf"(?<=^|[{_SPACES}{_DIRECTIONS}])\$[a-z]{{1,6}}(?:[._][a-z]{{1,2}})?(?=$|\s|[{_PUNCTUATION}])", regex.IGNORECASE
)
# Looser than X's rules, which may change: today's also check the characters before and after.
_LOOSE = regex.compile(r"[@\uff20]\w+|[#\uff03][\w\p{M}]+|\$[A-Za-z]\w*")


@dataclass(frozen=True, slots=True)
class Entity:
    """A part of a text that X turns into a link, with its `@`, `#` or `$`."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def weighted_length(text: str) -> int:
    """Length as X counts it: a link is 23, an emoji and most characters outside Latin are 2."""
    text = unicodedata.normalize("NFC", text)
    total, position = 0, 0
    for url in find_urls(text):
        total += _weight_without_urls(text[position : url.start]) + URL_LENGTH * SCALE
        position = url.end
    return (total + _weight_without_urls(text[position:])) // SCALE


def _weight_without_urls(text: str) -> int:
    if text.isascii():
        return SCALE * len(text)
    total, position = 0, 0
    for match in _emoji_table().starts.finditer(text):
        start = match.start()
        if start >= position and (size := _emoji_size(text, start)):
            total += _weight_of_characters(text[position:start]) + DEFAULT_WEIGHT
            position = start + size
    return total + _weight_of_characters(text[position:])


def _weight_of_characters(text: str) -> int:
    return SCALE * len(text) + (DEFAULT_WEIGHT - SCALE) * len(_HEAVY.findall(text))


def has_forbidden(text: str) -> bool:
    """Whether a text holds a character that X refuses (U+FFFE, U+FEFF, U+FFFF)."""
    return any(character in text for character in "\ufffe\ufeff\uffff")


def find_entities(text: str) -> list[Entity]:
    """All parts that X turns into a link, in the order of the text. Of two that overlap, X takes the earlier."""
    mentions = [Entity("list" if m[1] else "mention", m[0], m.start()) for m in _MENTION.finditer(text)]
    hashtags = [Entity("hashtag", m[0], m.start()) for m in _HASHTAG.finditer(text)]
    cashtags = [Entity("cashtag", m[0], m.start()) for m in _CASHTAG.finditer(text)]
    entities: list[Entity] = []
    for entity in sorted([*find_urls(text), *mentions, *hashtags, *cashtags], key=lambda entity: entity.start):
        if not entities or entities[-1].end <= entity.start:
            entities.append(entity)
    return entities


def possible_entities(text: str) -> list[Entity]:
    """All parts that X turns into a link, and any other `@`, `#` or `$` before a word, in the order of the text."""
    entities = find_entities(text)
    others, number = list[Entity](), 0
    for match in _LOOSE.finditer(text):
        while number < len(entities) and entities[number].end <= match.start():
            number += 1
        if number == len(entities) or match.end() <= entities[number].start:
            others.append(Entity(_KINDS[match[0][0]], match[0], match.start()))
    return sorted([*entities, *others], key=lambda entity: entity.start)


def find_urls(text: str) -> list[Entity]:
    """URLs, including bare domains (`foo.io`)."""
    return list(_iter_urls(text)) if _INNER_DOT.search(text) else []


def _iter_urls(text: str) -> Iterator[Entity]:
    for match in _url_patterns().url.finditer(text):
        url, scheme, domain = match["url"], match["scheme"], match["domain"]
        if not _fits_url_limit(url, scheme or "https://", domain):
            continue
        if not scheme:
            yield from _bare_urls(match)
        elif (short := _SHORT_LINK.match(url)) is None:
            yield Entity("url", url, match.start("url"))
        elif len(short["slug"]) <= SHORT_LINK_LIMIT:
            yield Entity("url", short[0], match.start("url"))


def _bare_urls(match: regex.Match[str]) -> Iterator[Entity]:
    """URLs without a scheme: X links only Latin domains, each within a run of letters of any script."""
    if match["before"] in ("-", "_", ".", "/"):
        return
    domains = list(_url_patterns().latin_domain.finditer(match["domain"]))
    for domain in domains:
        last = domain is domains[-1] and match["path"]
        text = match["url"].replace(match["domain"], domain[0], 1) if last else domain[0]
        yield Entity("url", text, match.start("domain") + domain.start())


def _fits_url_limit(url: str, scheme: str, domain: str) -> bool:
    try:
        ascii_domain = domain.encode("idna")
    except UnicodeError:  # a label that is empty, too long, or has invalid characters
        return False
    return len(scheme) + len(url) + len(ascii_domain) - len(domain) <= URL_LIMIT


@dataclass(frozen=True, slots=True)
class _Patterns:
    url: regex.Pattern[str]
    latin_domain: regex.Pattern[str]


@functools.cache
def _url_patterns() -> _Patterns:
    lines = Path(__file__).with_name("x_domains.txt").read_text(encoding="utf-8").splitlines()
    names = _prefix_tree([name for line in lines if not line.startswith("#") for name in line.split()])
    top = rf"(?:{names}(?=[^0-9a-zA-Z@+-]|$)|xn--[-0-9a-z]+)"
    url = (
        rf"(?P<before>[^A-Za-z0-9@\uff20$#\uff03{_FORBIDDEN}]|[{_DIRECTIONS}]|^)"
        rf"(?P<url>(?P<scheme>https?://)?(?P<domain>(?:{_SUBDOMAIN}){{0,126}}{_DOMAIN_NAME}{top})(?::[0-9]+)?"
        rf"(?P<path>/{_PATH}*)?(?:{_QUERY})?)"
    )
    latin_domain = rf"(?:[-a-z0-9{_LATIN}]+\.)+{top}"
    return _Patterns(regex.compile(url, regex.IGNORECASE), regex.compile(latin_domain, regex.IGNORECASE))


def _prefix_tree(words: list[str]) -> str:
    """A pattern of any of these words that tries each first letter once: ten times as fast as a list of them."""
    tails: dict[str, list[str]] = {}
    for word in words:
        tails.setdefault(word[0], []).append(word[1:])
    branches = []
    for letter, rest in tails.items():
        longer = [tail for tail in rest if tail]
        branches.append(regex.escape(letter) + (_prefix_tree(longer) + "?" * ("" in rest) if longer else ""))
    return f"(?:{'|'.join(branches)})"


def _emoji_size(text: str, start: int) -> int:
    """Number of code points of the emoji that begins here; 0 if there is none."""
    table = _emoji_table()
    return next((size for size in range(table.longest, 0, -1) if text[start : start + size] in table.sequences), 0)


@dataclass(frozen=True, slots=True)
class _Emoji:
    sequences: frozenset[str]
    starts: re.Pattern[str]
    """Where an emoji may begin: a number sign, asterisk or digit begins one only before a sign outside ASCII."""
    longest: int


@functools.cache
def _emoji_table() -> _Emoji:
    """The sequences that X sees as one emoji: fully-qualified ones, and keycaps without U+FE0F."""
    import emoji  # 0.06 s: it reads a table

    written = emoji.STATUS["fully_qualified"]
    sequences = {
        text for text, row in emoji.EMOJI_DATA.items() if row["status"] <= written and row["E"] <= EMOJI_VERSION
    }
    sequences |= {f"{sign}\u20e3" for sign in "#*0123456789"}
    first = "".join(sorted({text[0] for text in sequences if not text[0].isascii()}))
    starts = re.compile(rf"[{first}]|[#*0-9](?=[^\x00-\x7f])")
    return _Emoji(frozenset(sequences), starts, max(map(len, sequences)))
