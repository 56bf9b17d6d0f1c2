"""X's counts and links: our own cases for every rule, and twitter-text's official ones if SPECS_DIR has them."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot import platform_limits, x_text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"

# --- our own cases, for a clone without the official ones --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Latin, Ελληνικά, العربية", 24),
        ("\u10ff", 1),
        ("\u1100", 2),
        ("\u2000\u200d\u2010\u201f\u2032\u2037", 6),
        ("\u200e\u2020\u2031\u2038", 8),
        ("日本語", 6),
        ("→", 2),
        ("\U00020021", 2),
        ("e\u0301", 1),
        ("\u1112\u1161\u11ab", 2),
        ("\U0001f637", 2),
        (FAMILY, 2),
        ("\U0001f64b\U0001f3fd", 2),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 2),
        ("\U0001f1e9\U0001f1ea", 2),
        ("\U0001f1e9\U0001f1ea\U0001f1eb", 4),
        ("1\u20e3", 2),
        ("1\ufe0f\u20e3", 2),
        ("\u00a9", 1),
        ("\u00a9\ufe0f", 2),
        ("a http://x.example b", 20),
        ("a https://a.com/" + "b" * 100 + " c", 27),
        ("a.co", 23),
        ("foo.nosuchdomain", 16),
        ("foo.io bar.io", 47),
    ],
)
def test_a_text_is_as_long_as_x_counts_it(text: str, length: int) -> None:
    assert x_text.weighted_length(text) == length


def test_an_emoji_newer_than_xs_parser_counts_as_its_parts() -> None:
    phoenix = "\U0001f426\u200d\U0001f525"  # Emoji 15.1
    assert x_text.weighted_length(phoenix) == 5


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see http://example.com.", ["http://example.com"]),
        ("HTTPS://EXAMPLE.COM/Path?q=1&r=2#top", ["HTTPS://EXAMPLE.COM/Path?q=1&r=2#top"]),
        ("foo.io and foo.co.uk", ["foo.io", "foo.co.uk"]),
        ("llama-3.1 of 1.5 million, v1.0.2, e.g. this", []),
        ("foo.zzz foo.comm", []),
        ("an address me@foo.com", []),
        ("-foo.com _foo.com ./foo.com", []),
        ("日本語foo.com日本語", ["foo.com"]),
        ("http://日本語.com 日本語.com", ["http://日本語.com"]),
        ("http://foobar.みんな/ http://foobar.ישראל", ["http://foobar.みんな/", "http://foobar.ישראל"]),
        ("http://xn--80abe5aohbnkjb.xn--p1ai/", ["http://xn--80abe5aohbnkjb.xn--p1ai/"]),
        ("http://xn--はじめよう.com/", []),
        ("http://" + "a" * 64 + ".com", []),
        ("http://a_b.c-d.com http://c-.com http://-c.com", ["http://a_b.c-d.com"]),
        ("http://a.com:8080/x_(y_(z)) http://a.com/x).", ["http://a.com:8080/x_(y_(z))", "http://a.com/x"]),
        ("http://a.com/@user/ http://a.com/é", ["http://a.com/@user/", "http://a.com/é"]),
        ("http://t.co/abcde's http://t.co/" + "a" * 41, ["http://t.co/abcde"]),
        ("$foo.com #foo.com @foo.com", []),
        ("\u2066\u202afoo.com\u202c\u2069", ["foo.com"]),
        ("http://a.com/" + "b" * 4090, []),
        ("foo.kids foo.zippo", ["foo.kids", "foo.zippo"]),
    ],
)
def test_x_links_addresses_with_and_without_a_scheme(text: str, urls: list[str]) -> None:
    entities = x_text.find_urls(text)
    assert [url.text for url in entities] == urls
    assert all(text[url.start : url.end] == url.text for url in entities)


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("@a hello .@b 日本@c", ["@a", "@b", "@c"]),
        ("RT@a rt:@b support@c", ["@a", "@b"]),
        ("\uff41@a \uff20b", ["@a", "\uff20b"]),
        ("x@a !@b $@c @d@e @fé @_@", []),
        ("@username9012345678901", ["@username901234567890"]),
        ("@a/list-1 @b/1list", ["@a/list-1", "@b"]),
        ("#tag text#no &#no; #1 #1a (#b) #_", ["#tag", "#1a", "#b"]),
        ("#il·lusió #\u0301a #می‌خواهم \uff03日本", ["#il·lusió", "#\u0301a", "#می‌خواهم", "\uff03日本"]),
        ("#a#b #http://a.com", []),
        ("#\ufe0fa \u270c\ufe0f#b", ["#b"]),
        ("$A $TEST_ $test.tt $12 $TOOLONGS x$A ($A)", ["$A", "$TEST", "$test.tt"]),
        ("http://a.com/#tag http://a.com/@user $a.com", ["http://a.com/#tag", "http://a.com/@user", "$a"]),
        ("#a.com @a.com", ["#a", "@a"]),
    ],
)
def test_x_links_mentions_lists_hashtags_and_cashtags(text: str, entities: list[str]) -> None:
    result = x_text.find_entities(text)
    assert [entity.text for entity in result if entity.kind != "url" or "://" in entity.text] == entities
    assert all(text[entity.start : entity.end] == entity.text for entity in result)


def test_what_may_become_a_link_one_day_is_found_too() -> None:
    possible = x_text.possible_entities("http://a.com/@b x@c ($D) #1")
    assert [(entity.kind, entity.text) for entity in possible] == [
        ("url", "http://a.com/@b"),
        ("mention", "@c"),
        ("cashtag", "$D"),
        ("hashtag", "#1"),
    ]


class Compared(int):
    """A position in a text that counts its comparisons."""

    times = 0

    def _count(self) -> None:
        Compared.times += 1

    def __le__(self, other: int) -> bool:
        self._count()
        return super().__le__(other)

    def __gt__(self, other: int) -> bool:
        self._count()
        return super().__gt__(other)


class Counted(x_text.Entity):
    @property
    def end(self) -> int:
        return Compared(super().end)


def test_the_work_on_what_may_become_a_link_grows_with_the_length_and_not_its_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = [Counted("mention", "@a", 6 * n) for n in range(500)]
    monkeypatch.setattr(x_text, "find_entities", lambda _: list(links))
    possible_entities, Compared.times = x_text.possible_entities("@a x@c" * 500), 0
    assert [entity.text for entity in possible_entities] == ["@a", "@c"] * 500
    x_text.possible_entities("@a x@c" * 500)
    assert 0 < Compared.times <= 3 * 1000


@given(st.text(st.sampled_from("aé.-_/@#$ \uff20\uff03rtRT:1本\u0301\ufe0f☺\u200d🏽(),!com"), max_size=30))
def test_whatever_x_links_is_among_the_possible_and_stands_in_the_text(text: str) -> None:
    entities = x_text.find_entities(text)
    assert set(entities) <= set(x_text.possible_entities(text))
    assert all(text[entity.start : entity.end] == entity.text for entity in entities)
    assert all(before.end <= after.start for before, after in itertools.pairwise(entities))
    size = x_text.weighted_length(text)
    assert size <= 23 * len(x_text.find_urls(unicodedata.normalize("NFC", text))) + 2 * len(text)


def test_a_domain_has_at_most_127_labels_so_that_work_grows_with_the_length_and_not_its_cube() -> None:
    assert x_text.find_urls("http://" + "a." * 126 + "com") != []
    assert x_text.find_urls("http://" + "a." * 200 + "com") == []


# --- twitter-text's conformance cases ----------------------------------------------------------------------------

Case = dict[str, Any]
UNLINKED = ("port and userinfo", "ipv4", "ipv6", "sub delims and question marks")
"""Valid URLs of `validate.yml` that extraction, which X uses for links, does not take completely."""


def cases(file: str) -> dict[str, list[Case]]:
    if not (folder := os.environ.get("SPECS_DIR")):
        pytest.skip(f"NOT CHECKED: no SPECS_DIR, so twitter-text's {file} was not compared")
    groups: dict[str, list[Case]] = yaml.safe_load((Path(folder) / "twitter-text" / file).read_text("utf-8"))["tests"]
    return groups


def differences(pairs: Iterator[tuple[Case, object, object]]) -> list[str]:
    """One line for each case with a wrong result; a file without cases is a fault too."""
    checked = list(pairs)
    assert checked
    return [f"{case['description']}: {have!r}, wanted {want!r}" for case, have, want in checked if have != want]


def texts(text: str, *kinds: str) -> list[str]:
    return [entity.text for entity in x_text.find_entities(text) if entity.kind in kinds]


def urls(text: str) -> list[str]:
    return [url.text for url in x_text.find_urls(text)]


def signless(text: str, *kinds: str) -> list[str]:
    return [entity[1:] for entity in texts(text, *kinds)]


def test_extraction_agrees_with_the_official_cases() -> None:
    def found() -> Iterator[tuple[Case, object, object]]:
        groups = cases("extract.yml")
        for case in groups["mentions"]:
            yield case, signless(case["text"], "mention", "list"), case["expected"]
        for case in groups["hashtags"] + groups["hashtags_from_astral"]:
            yield case, signless(case["text"], "hashtag"), case["expected"]
        for case in groups["cashtags"]:
            yield case, signless(case["text"], "cashtag"), case["expected"]
        for case in groups["urls"] + groups["tco_urls_with_params"]:
            yield case, urls(case["text"]), case["expected"]

    assert differences(found()) == []


def test_places_agree_with_the_official_cases() -> None:
    keys = {"mentions": "screen_name", "hashtags": "hashtag", "cashtags": "cashtag"}

    def found() -> Iterator[tuple[Case, object, object]]:
        groups = cases("extract.yml")
        for group, key in keys.items():
            for case in groups[f"{group}_with_indices"]:
                entities = [e for e in x_text.find_entities(case["text"]) if e.kind == group[:-1]]
                yield case, [{key: e.text[1:], "indices": [e.start, e.end]} for e in entities], case["expected"]
        for case in groups["urls_with_indices"] + groups["urls_with_directional_markers"]:
            entities = x_text.find_urls(case["text"])
            yield case, [{"url": e.text, "indices": [e.start, e.end]} for e in entities], case["expected"]
        for case in groups["mentions_or_lists_with_indices"]:
            places = [[e.start, e.end] for e in x_text.find_entities(case["text"]) if e.kind in ("mention", "list")]
            yield case, places, [row["indices"] for row in case["expected"]]

    assert differences(found()) == []


def test_every_official_top_level_domain_is_known() -> None:
    assert (
        differences(
            (case, urls(case["text"]), case["expected"]) for group in cases("tlds.yml").values() for case in group
        )
        == []
    )


def test_lengths_agree_with_the_official_cases() -> None:
    def found() -> Iterator[tuple[Case, object, object]]:
        groups = cases("validate.yml")
        for case in (
            groups["WeightedTweetsWithDiscountedEmojiCounterTest"] + groups["UnicodeDirectionalMarkerCounterTest"]
        ):
            length = x_text.weighted_length(case["text"])
            valid = 0 < length <= platform_limits.X_TEXT and not x_text.has_forbidden(case["text"])
            yield case, (length, valid), (case["expected"]["weightedLength"], case["expected"]["valid"])

    assert differences(found()) == []


def test_whole_texts_are_valid_as_in_the_official_cases() -> None:
    kinds = {
        "usernames": "mention",
        "lists": "list",
        "hashtags": "hashtag",
        "urls": "url",
        "urls_without_protocol": "url",
    }

    def found() -> Iterator[tuple[Case, object, object]]:
        groups = cases("validate.yml")
        for group, kind in kinds.items():
            for case in groups[group]:
                if not case["description"].endswith(UNLINKED):
                    yield case, texts(case["text"], kind) == [case["text"]], case["expected"]

    assert differences(found()) == []


def linked(html: str) -> list[str]:
    """The texts that an official case turns into links; a mention's `@` is before its link."""
    return [
        unescape((sign if "username" in marks or "list-slug" in marks else "") + re.sub("<[^>]*>", "", text))
        for sign, marks, text in re.findall(r"([@＠]?)<a ([^>]*)>(.*?)</a>", html)
    ]


def test_links_agree_with_the_official_cases() -> None:
    """Without the group `json`: it links the entities of a response, not those in a text."""
    kinds = {"usernames": ("mention", "list"), "lists": ("mention", "list"), "hashtags": ("hashtag",)}
    kinds |= {"urls": ("url",), "cashtags": ("cashtag",), "all": ("url", "mention", "list", "hashtag", "cashtag")}

    def found() -> Iterator[tuple[Case, object, object]]:
        groups = cases("autolink.yml")
        for group, wanted in kinds.items():
            for case in groups[group]:  # twitter-text's own linking leaves bare domains alone; X does not
                entities = [e for e in x_text.find_entities(case["text"]) if e.kind in wanted]
                have = [e.text for e in entities if e.kind != "url" or "://" in e.text]
                yield case, have, linked(case["expected"])

    assert differences(found()) == []
