"""Posts in every language: within every limit, and without unbacked numbers, whatever the figures are."""

from __future__ import annotations

import os
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import i18n, x_text
from bot.i18n.translator import FIRST_STRONG, POP
from bot.render import (
    LintError,
    PostRenderOptions,
    build_post,
    environment,
    finding_text,
    preview_text,
    text_blocks,
    traced_values,
)
from tests.hostile import NAMES
from tests.render import documents
from tests.render.test_digest_posts import GOLDEN, assert_fits_discord, document
from tests.render.test_escaping import DISCORD_LIVE, bare, x_entities

LANGUAGES = tuple(language for language in i18n.LANGUAGES if language != "en")
MADE = ("corrected", "with-panel")
SIGNED = ("day-2025-01-12", "day-2025-01-13", *MADE)
OUTLETS = ("x", "discord")


def assert_fits(fields: dict[str, Any], language: str) -> None:
    (text,) = build_post(fields, "x", PostRenderOptions(language)).parts
    assert 0 < x_text.weighted_length(text) <= 280 and not x_entities(text)
    embed = build_post(fields, "discord", PostRenderOptions(language)).embed
    assert_fits_discord(embed)
    assert_isolates_match(text)
    for field in embed["fields"] if embed else ():
        assert_isolates_match(field["value"])


def assert_isolates_match(text: str) -> None:
    for line in text.splitlines():
        depth = 0
        for c in line:
            depth += (c == FIRST_STRONG) - (c == POP)
            assert depth >= 0, line
        assert depth == 0, line


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stem", [*documents.STEMS, *MADE])
def test_posts_fit_in_every_language(stem: str, language: str) -> None:
    assert_fits(document(stem), language)


@pytest.mark.parametrize("language", ["ar", "zh-CN"])
@pytest.mark.parametrize("outlet", OUTLETS)
@pytest.mark.parametrize("stem", SIGNED)
def test_posts_in_arabic_and_chinese_read_as_they_were_signed(stem: str, outlet: str, language: str) -> None:
    text = preview_text(build_post(document(stem), outlet, PostRenderOptions(language))) + "\n"
    golden = GOLDEN / language / f"{stem}.{outlet}.txt"
    if os.environ.get("GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", documents.FINDINGS)
def test_every_finding_is_said_in_every_language(key: str, language: str) -> None:
    catalogue = documents.recorded("day-2025-01-12")["catalogues"][0]
    for values in documents.FINDINGS[key]:
        finding = {"key": key, "values": values, "score": 1.0, "text": ""}
        text = finding_text(finding, catalogue, language)
        assert text and text != finding_text(finding, catalogue)
        changed_document = documents.changed(
            "day-2025-01-12", lambda d, value=finding: d["catalogues"][0].update(findings=[value])
        )
        assert_fits(changed_document, language)


HEADLINES = ("models_used", "share_used", "uses", "uses_verified", "models_listed", "gini_used")
REASONS = ("no reading at the end of 13 Jan 2025", "watched for 3 of 30 days", "not defined: no use", "٣ strange words")
COUNTS = st.one_of(st.none(), st.integers(0, 4), st.integers(0, 2**70))
RATIOS = st.one_of(st.none(), st.floats(-1, 50, allow_nan=False))
SHARES = st.one_of(st.none(), st.floats(0, 1, allow_nan=False))


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """A digest of any period with any figures, known or not."""
    worlds = documents.recorded(draw(st.sampled_from(("day-2025-01-12", "week-2025-01-06", "month-2024-12-20"))))
    block = worlds["catalogues"][0]
    block["unit"] = draw(st.sampled_from(("runs", "inferences", "tokens", "downloads")))
    block["evidence"] = draw(st.sampled_from(("reported", "claimed", "backed", "verified")))
    like = block["figures"]["uses"]
    block["figures"] |= {
        f"uses_{kind}": {**like, "label": f"runs {kind}"} for kind in ("claimed", "backed", "verified")
    }
    for figure in block["figures"].values():
        kind = {"share": SHARES, "index": SHARES, "ratio": RATIOS, "points": RATIOS}.get(figure["unit"], COUNTS)
        value = draw(kind)
        figure |= {"value": value}
        figure.pop("unknown", None)
        if value is None:
            figure["unknown"] = draw(st.sampled_from(REASONS))
    worlds["headline"]["figure"] = draw(st.sampled_from(HEADLINES))
    return worlds


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=15, suppress_health_check=list(HealthCheck), derandomize=True)
@given(fields=worlds())
def test_no_figure_makes_a_translation_invent_or_burst(fields: dict[str, Any], language: str) -> None:
    assert_fits(fields, language)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("language", ["ar", "zh-CN"])
def test_hostile_names_act_on_nothing_in_other_languages(name: str, language: str) -> None:
    named_document = documents.named(name)
    assert_fits(named_document, language)
    embed = build_post(named_document, "discord", PostRenderOptions(language)).embed
    assert embed is not None
    texts = [str(embed["description"]), *(str(field["value"]) for field in embed["fields"])]
    for line in "\n".join(texts).replace("**", "").split("\n"):
        # Our own bold and list numbers are none of the name's, which escapes each of its own asterisks.
        assert not DISCORD_LIVE.search("x" + bare(line)), line


@pytest.mark.parametrize("digit", ["3", "٣", "۳", "３", "३", "Ⅲ", "³", "㊂"])
def test_the_lint_refuses_a_digit_of_any_script_in_a_translation(digit: str) -> None:
    """Even if a catalogue passed its own check."""
    assert unicodedata.category(digit)[0] == "N"
    lying = environment.get_environment("x", "vi").overlay()
    lying.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: f"{digit} {message}", lambda value, many, n: f"{digit} {many}", newstyle=True
    )
    for template in ("{% trans %}agents{% endtrans %}", "{% trans n=a %}agent{% pluralize %}agents{% endtrans %}"):
        with pytest.raises(LintError, match="wanted digits only from a figure"):
            text_blocks.lint_text(lying.from_string(template).render(a=traced_values.TracedInt(2)), "test.j2")


def test_a_gap_that_is_not_ours_stays_english_and_whole() -> None:
    changed_document = documents.changed(
        "day-2025-01-12", lambda d: d["catalogues"][0].update(gaps=["Nobody wrote this before."])
    )
    embed = build_post(changed_document, "discord", PostRenderOptions("ar")).embed
    assert embed is not None
    assert any(f"{FIRST_STRONG}Nobody wrote this before.{POP}" in field["value"] for field in embed["fields"])
