"""No text says a unit twice, in a label and again after the number of that label."""

from __future__ import annotations

import pytest

from bot import i18n
from bot.charts import describe_picture
from bot.render import PostRenderOptions, build_post
from bot.render.embeds import embed_texts
from tests.render import documents
from tests.render.test_digest_posts import MADE, document
from tests.render.test_finding_grammar import texts
from tests.units_in_text import repeated_units

LANGUAGES = tuple(i18n.LANGUAGES)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("runs: 7,908,211 runs", "en"),
        ("Runs in 7 days: **5 runs**", "en"),
        ("runs 8.7 million runs", "en"),
        ("ejecuciones: 8,7 millones de ejecuciones", "es-ES"),
        ("çalıştırma: 5 çalıştırma", "tr"),
        ("Lượt chạy: 5 lượt chạy", "vi"),
        ("运行次数：5 次运行", "zh-CN"),
        ("المؤلفون: 103 مؤلفين", "ar"),
    ],
)
def test_a_unit_that_is_said_twice_is_seen(text: str, language: str) -> None:
    assert repeated_units(text, language)


@pytest.mark.parametrize(
    "text", ["Runs: 8,692,748", "half of all runs: 2 models", "929 models, 5 runs", "runs\n5 runs"]
)
def test_a_unit_that_is_said_once_is_none(text: str) -> None:
    assert repeated_units(text, "en") == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stem", [*documents.STEMS, *MADE])
def test_no_post_says_a_unit_twice(stem: str, language: str) -> None:
    digest = document(stem)
    post = build_post(digest, "discord", PostRenderOptions(language))
    assert post.embed is not None
    written = [*embed_texts(post.embed), *build_post(digest, "x", PostRenderOptions(language)).parts]
    assert repeated_units("\n".join([*written, describe_picture(digest, language)]), language) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", documents.FINDINGS)
def test_no_finding_says_a_unit_twice(key: str, language: str) -> None:
    assert repeated_units("\n".join(texts(key, language)), language) == []
