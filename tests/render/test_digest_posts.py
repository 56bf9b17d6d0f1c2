"""Posts: their text for real days (golden files), and that they are within every limit for any data."""

from __future__ import annotations

import copy
import itertools
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import number_format, outlets, x_text
from bot.i18n import LANGUAGES
from bot.records import Picture, Post
from bot.render import PostRenderOptions, build_post, cost, embed_length, finding_text, preview_text, text_blocks
from bot.render.environment import TEMPLATES
from tests.hostile import NAMES
from tests.render import documents
from tests.render.test_escaping import DISCORD_LIVE, bare, x_entities

GOLDEN = Path(__file__).parents[1] / "golden" / "posts"
MADE = {"corrected": documents.corrected, "with-panel": documents.with_panel}


def document(stem: str) -> dict[str, Any]:
    return MADE[stem]() if stem in MADE else documents.recorded(stem)


@pytest.mark.parametrize("outlet", ["x", "discord", "text", "bluesky", "mastodon", "webhook"])
@pytest.mark.parametrize("stem", [*documents.STEMS, *MADE])
def test_posts_of_recorded_digests_read_as_they_were_signed(stem: str, outlet: str) -> None:
    text = preview_text(build_post(document(stem), outlet)) + "\n"
    golden = GOLDEN / f"{stem}.{outlet}.txt"
    if os.environ.get("GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", LANGUAGES)
def test_texts_fit_their_outlet_with_a_link_in_every_language(locale: str) -> None:
    for stem, outlet in itertools.product([*documents.STEMS, *MADE], ("bluesky", "mastodon", "webhook")):
        options = PostRenderOptions(locale, page_url=f"https://{'long.' * 20}example/replicate/2025-01-12/index.html")
        post, declared = build_post(document(stem), outlet, options), outlets.post_format(outlet)
        assert 0 < declared.size(post.parts[0]) <= declared.limit
        assert post.link is None or post.parts[0].endswith(post.link.words)
        assert [part for part in declared.linked(post.parts[0]) if part != options.page_url] == []


def x(document: dict[str, Any]) -> str:
    return build_post(document, "x").parts[0]


def assert_fits_discord(embed: Any) -> None:
    def units(text: str) -> int:
        return len(text.encode("utf-16-le")) // 2

    assert 0 < units(embed["title"]) <= 256
    assert 0 < units(embed["description"]) <= 4096
    assert len(embed["fields"]) <= 25
    assert all(0 < units(f["name"]) <= 256 and 0 < units(f["value"]) <= 1024 for f in embed["fields"])
    assert units(embed["footer"]["text"]) <= 2048
    total = sum(units(embed[key]) for key in ("title", "description")) + units(embed["footer"]["text"])
    assert total + sum(units(f["name"]) + units(f["value"]) for f in embed["fields"]) == embed_length(embed) <= 6000


# --- words ---------------------------------------------------------------------------------------------------------


def test_the_news_leads_and_usage_beside_inventory_follows() -> None:
    news, question, *_ = x(documents.recorded("day-2025-01-12")).split("\n\n")
    assert news == "Most runs in a day since 21 December 2024: 8,692,748."
    assert question.startswith("On Replicate, 929 of 3,783 public models were used on 12 January 2025")


def test_without_news_usage_beside_inventory_leads() -> None:
    quiet = documents.changed("day-2025-01-12", lambda d: d["catalogues"][0].update(findings=[]))
    assert x(quiet).startswith("On Replicate, 929 of 3,783 public models were used on 12 January 2025")


@pytest.mark.parametrize(
    ("key", "changes", "beside"),
    [
        ("week_move", {"direction": "rose"}, False),
        ("passing_surge", {"peak_day": "2024-12-20"}, False),
        ("passing_surge", {}, True),
    ],
)
def test_all_use_stands_beside_a_mover_only_where_both_speak_of_one_day(
    key: str, changes: dict[str, Any], beside: bool
) -> None:
    """Beside "in a week", "All runs: +10.4%" would read as the change of the week."""

    def lead(document: dict[str, Any]) -> None:
        values = {**documents.FINDINGS[key][0], "model": "owner/surge", **changes}
        others = {
            "model_move": documents.FINDINGS["model_move"][1],
            "total_change": documents.FINDINGS["total_change"][0],
        }
        document["catalogues"][0]["findings"] = [
            {"key": key, "score": 0.9, "values": values},
            *({"key": other, "score": 0.5, "values": held} for other, held in others.items()),
        ]
        document["lead"] = {"form": "mover", "finding": 0}

    embed = build_post(documents.changed("day-2024-12-18", lead), "discord").embed
    assert embed is not None
    text = str(embed["description"])
    assert ("All runs fell" in text) == beside
    assert ("in one day, from 1,954,671 to 2,350,612" in text) != beside


@pytest.mark.parametrize("day", ["2025-01-13", "2025-01-14"])
def test_an_unknown_day_says_so_with_its_reason_and_the_total_of_two_days(day: str) -> None:
    text = x(documents.recorded(f"day-{day}"))
    assert "is unknown: " in text
    assert "taken together" in text
    assert " 0 " not in text


@pytest.mark.parametrize("figure", ["uses", "models_listed", "share_used", "top_1_share", "models_used"])
@pytest.mark.parametrize("stem", documents.STEMS)
def test_any_figure_can_be_the_headline(stem: str, figure: str) -> None:
    changed_document = documents.changed(stem, lambda d: d["headline"].update(figure=figure))
    known = changed_document["catalogues"][0]["figures"][figure]["value"] is not None
    assert ("unknown" in x(changed_document).split("\n")[0]) is not known
    assert_fits_discord(build_post(changed_document, "discord").embed)


def test_every_post_says_its_date_and_whose_numbers_they_are() -> None:
    for stem in documents.STEMS:
        text = x(documents.recorded(stem))
        assert "2025" in text or "2024" in text
        assert text.endswith("Runs as reported by Replicate.")


def test_no_two_posts_are_alike() -> None:
    texts = [x(documents.recorded(stem)) for stem in documents.STEMS]
    assert len(set(texts)) == len(texts)


def test_a_correction_says_so_first_with_what_was_published_and_what_is_known_now() -> None:
    text = x(documents.corrected())
    assert text.startswith("Correction. Models used: published as 901, now 929.")
    embed = build_post(documents.corrected(), "discord").embed
    assert embed is not None
    assert "~~901~~ 929" in str(embed["description"])


def test_the_headline_is_corrected_first() -> None:
    document = documents.corrected()
    document["changes"].reverse()
    assert x(document) == x(documents.corrected())


@pytest.mark.parametrize("evidence", ["reported", "claimed", "backed", "verified"])
def test_the_strength_of_evidence_is_said(evidence: str) -> None:
    text = x(documents.changed("day-2025-01-12", lambda d: d["catalogues"][0].update(evidence=evidence)))
    assert evidence in text.rsplit("\n", 1)[1]


def test_every_kind_of_finding_has_its_words() -> None:
    from bot.findings import KINDS

    assert set(KINDS) == set(documents.FINDINGS) == {path.stem for path in (TEMPLATES / "findings").glob("*.j2")}


@pytest.mark.parametrize("key", documents.FINDINGS)
def test_findings_read_as_they_were_signed(key: str) -> None:
    catalogue = documents.recorded("day-2025-01-12")["catalogues"][0]
    lines = [finding_text({"key": key, "values": values}, catalogue) for values in documents.FINDINGS[key]]
    golden = GOLDEN / f"finding.{key}.txt"
    if os.environ.get("GOLDEN"):
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "\n".join(lines) + "\n" == golden.read_text(encoding="utf-8")


# --- limits --------------------------------------------------------------------------------------------------------

# Of any size, at most what the ledger keeps (records.MAX_COUNT).
COUNT = st.none() | st.integers(0, 10**15)
RATIO = st.none() | st.floats(-1, 1e12, allow_nan=False)
FOREIGN = st.text(max_size=200) | st.sampled_from(sorted(NAMES.values()))


def arbitrary(data: st.DataObject) -> dict[str, Any]:
    """A digest with arbitrary names, numbers, reasons and findings."""
    document = copy.deepcopy(documents.recorded(data.draw(st.sampled_from(documents.STEMS))))
    document["edition"] = data.draw(st.integers(1, 10**6))
    catalogue = document["catalogues"][0]
    for figure in catalogue["figures"].values():
        share = figure["unit"] in ("share", "index")
        value = data.draw(st.none() | st.floats(0, 1) if share else RATIO if figure["unit"] == "ratio" else COUNT)
        figure["value"] = value
        if value is None:
            figure["unknown"] = data.draw(FOREIGN)
        else:
            figure.pop("unknown", None)
    names = data.draw(st.lists(FOREIGN, max_size=6))
    catalogue["top"] = [
        {"rank": n, "model": name, "author": name, "uses": data.draw(st.integers(1, 10**15)), "share": 0.1}
        for n, name in enumerate(names, 1)
    ]
    catalogue["gaps"] = data.draw(st.lists(FOREIGN, max_size=5))
    catalogue["findings"] = [
        {"key": key, "text": "", "score": 0.5, "values": _foreign(values, data.draw(FOREIGN))}
        for key in data.draw(st.lists(st.sampled_from(sorted(documents.FINDINGS)), max_size=5, unique=True))
        for values in documents.FINDINGS[key][:1]
        if catalogue["figures"]["uses"]["value"] is not None
    ]
    keys = (
        data.draw(st.lists(st.sampled_from(sorted(catalogue["figures"])), max_size=5))
        if document["edition"] > 1
        else []
    )
    document["changes"] = [
        {"catalogue": "models", "figure": k, "published": catalogue["figures"][k], "now": catalogue["figures"][k]}
        for k in keys
    ]
    return document


def _foreign(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        key: name if key in ("model", "author", "before") and isinstance(v, str) else v for key, v in values.items()
    }


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_a_post_fits_every_limit_and_links_nothing_for_any_data(data: st.DataObject) -> None:
    document = arbitrary(data)
    text = x(document)
    assert x_text.weighted_length(text) <= 280
    assert x_entities(text) == []
    embed = build_post(document, "discord").embed
    assert_fits_discord(embed)


@pytest.mark.parametrize("kind", NAMES)
def test_a_hostile_name_bites_on_no_outlet(kind: str) -> None:
    for stem in ("day-2025-01-12", "day-2025-01-13", "week-2025-01-06"):
        named_document = documents.named(NAMES[kind], stem)
        text = x(named_document)
        assert x_text.weighted_length(text) <= 280
        assert x_entities(text) == []
        embed = build_post(named_document, "discord").embed
        assert embed is not None
        assert_fits_discord(embed)
        texts = [str(embed["description"]), *(str(f["value"]) for f in embed["fields"])]
        for line in "\n".join(texts).replace("**", "").split("\n"):
            # Our own bold and list numbers are none of the name's, which escapes each of its own asterisks.
            assert not DISCORD_LIVE.search("x" + bare(line)), line
        assert (
            "\n"
            not in build_post(named_document, "text")
            .parts[0]
            .split("Most used\n")[-1]
            .split("\n\n")[0]
            .split(". ", 1)[0]
        )


def test_sentences_are_dropped_whole_and_the_least_important_first() -> None:
    named_document = documents.named("n" * 200)
    text = x(named_document)
    assert "On Replicate, 929 of 3,783" in text
    assert text.endswith("Runs as reported by Replicate.")
    assert all(paragraph.rstrip()[-1] in ".…" for paragraph in text.split("\n\n"))


def test_an_estimated_count_says_about_and_how_far_it_may_be_off() -> None:
    about = {"value": 5239, "error": 0.0325, "unit": "addresses", "label": "callers in 30 days", "evidence": "claimed"}

    def add(document: dict[str, Any]) -> None:
        document["catalogues"][0]["figures"]["callers_30d"] = {**about, "refs": []}

    part = build_post(documents.changed("day-2025-01-12", add), "text").parts[0]
    assert "callers in 30 days: about 5,239" in part and "(±3.3%)" in part
    assert (
        number_format.format_figure(about) == "about 5,239 (±3.3%)"
        and number_format.format_figure({**about, "error": 0.0}) == "5,239"
    )
    assert number_format.format_figure_with_noun(about) == "about 5,239 addresses (±3.3%)"


def test_a_template_that_invents_a_number_stops_the_post(monkeypatch: pytest.MonkeyPatch) -> None:
    changed_document = documents.changed("day-2025-01-12", lambda d: d["catalogues"][0].update(title="top 100 models"))
    with pytest.raises(text_blocks.LintError, match="found 0 1"):
        x(changed_document)


# --- money and previews --------------------------------------------------------------------------------------------


def test_a_post_costs_more_with_a_link_and_with_alt_text() -> None:
    picture = Picture("card", b"", "words")
    assert cost(Post("x", ("no link",))) == Decimal("0.015")
    assert cost(Post("x", ("see foo.io",), (picture,))) == Decimal("0.205")
    assert cost(Post("discord", ("",))) == 0


def test_posts_hold_no_link_for_which_x_would_charge() -> None:
    for stem in [*documents.STEMS, *MADE]:
        assert x_text.find_urls(x(document(stem))) == []


def test_a_preview_shows_the_words_the_weight_the_cost_and_the_pictures() -> None:
    picture = Picture("card", b"", "929 of 3,783 models.")
    shown = preview_text(
        build_post(documents.recorded("day-2025-01-12"), "x", PostRenderOptions(pictures=(picture,))), ["out/card.png"]
    )
    assert "weighted length: 165 of 280" in shown
    assert "estimated cost: 0.020 US dollars" in shown
    assert "picture: out/card.png" in shown
    assert "929 of 3,783 models." in shown


def test_a_hidden_name_is_shown_nowhere() -> None:
    recorded_document = documents.recorded("day-2025-01-12")
    name = recorded_document["catalogues"][0]["top"][0]["model"]
    for outlet in ("x", "discord", "text"):
        shown = preview_text(build_post(recorded_document, outlet, PostRenderOptions(hidden_names=(name,))))
        assert name not in shown.replace("\\", "")


def test_an_unknown_outlet_is_named() -> None:
    with pytest.raises(KeyError, match="there are no posts for fax"):
        build_post(documents.recorded("day-2025-01-12"), "fax")
