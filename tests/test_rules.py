"""Lower bounds in documents: a change is reported, and a new version of this program alone changes nothing."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot import document_rules, i18n, number_format, render
from bot.charts import alt_text, chart_data
from bot.digest import compose_document, figure_differences
from bot.records import AtLeast, Document, HistoryPoint, Usage
from bot.render import environment, text_blocks, traced_values
from bot.subscriptions.change_detection import stillness_reason
from tests.period_data import DAY, ONE, book
from tests.render.documents import changed

AT = datetime(2025, 1, 13, 0, 20, tzinfo=UTC)
FELL = "the counter of 1 model fell, so its use is not known"
BEFORE = "the counter of 1 model fell, so part of the use is not known"
LEAST = {"value": 1234, "unit": "runs", "label": "runs", "at_least": True, "reason": FELL}


def whole() -> Document:
    return compose_document(
        "replicate", "Replicate", [book([9, 3, 2])], {"catalogue": "models", "figure": "uses"}, (), AT
    )


def partial() -> Document:
    flow = Usage(5, {2: 3, 3: 2}, incomplete=FELL, unknown_models=frozenset({1}))
    history = (HistoryPoint(DAY - ONE, 14, 3, 3, 0), HistoryPoint(DAY, 5, 2, 3, 0, at_least=True))
    period_data = replace(book([9, 3, 2]), flow=flow, total_7d=AtLeast(80, FELL), history=history)
    return compose_document("replicate", "Replicate", [period_data], {"catalogue": "models", "figure": "uses"}, (), AT)


def older(document: Document) -> Document:
    """The document as composed before lower bounds: what is one now was unknown."""
    older: dict[str, Any] = copy.deepcopy(document)
    del older["rules"]
    for block in older["catalogues"]:
        for key, figure in block["figures"].items():
            reason = figure.pop("reason", figure.get("unknown"))
            if figure.pop("at_least", None) or reason == FELL:
                block["figures"][key] = {**figure, "value": None, "unknown": BEFORE}
        block["top"] = []
        for point in block["history"]:
            if point.pop("at_least", None):
                point |= {"uses": None, "models_used": None}
    return older


def test_a_value_that_becomes_a_lower_bound_is_a_change_and_so_is_the_way_back() -> None:
    bound: dict[str, Any] = copy.deepcopy(whole())
    bound["catalogues"][0]["figures"]["uses"] |= {"at_least": True, "reason": FELL}
    for old, new in ((whole(), bound), (bound, whole())):
        assert [change["figure"] for change in figure_differences(old, new)] == ["uses"]
    assert figure_differences(partial(), partial()) == []


def test_a_new_version_of_the_rules_alone_makes_no_edition() -> None:
    assert figure_differences(older(partial()), partial()) == []
    assert figure_differences(older(whole()), whole()) == []


def test_what_was_exact_before_unrecognised_use_was_weighed_makes_no_edition_by_itself() -> None:
    old: dict[str, Any] = {**copy.deepcopy(whole()), "rules": 2}
    new: dict[str, Any] = copy.deepcopy(whole())
    old["catalogues"][0]["history"] = [{"day": DAY.isoformat(), "uses": 14, "models_used": 3}]
    new["catalogues"][0]["figures"]["uses"] |= {"at_least": True, "reason": "1 of 5 logs could not be read"}
    new["catalogues"][0]["history"] = [{**old["catalogues"][0]["history"][0], "at_least": True}]
    assert figure_differences(old, new) == []
    again = document_rules.restate_document(new, old)["catalogues"][0]
    assert again["history"] == old["catalogues"][0]["history"]
    new["catalogues"][0]["figures"]["uses"]["value"] += 1
    assert [change["figure"] for change in figure_differences(old, new)] == ["uses"]


def test_a_figure_that_was_false_is_corrected_whatever_its_rules() -> None:
    old: dict[str, Any] = older(whole())
    old["catalogues"][0]["figures"]["uses"]["value"] = 1_500_435
    assert "uses" in [change["figure"] for change in figure_differences(old, partial())]


def test_tables_and_history_of_an_older_digest_verify_under_its_own_rules() -> None:
    old = older(partial())
    again = document_rules.restate_document(partial(), old)
    for table in ("top", "history"):
        assert again["catalogues"][0][table] == old["catalogues"][0][table]
    assert document_rules.restate_document(partial(), partial()) == partial()


def test_rows_of_an_older_digest_verify_by_name_and_points_keep_what_they_say() -> None:
    new, old = partial(), older(partial())
    block: dict[str, Any] = old["catalogues"][0]
    table = {"by": "author", "named": 2, "columns": [], "rest": None, "outside": {"value": 0, "unit": "runs"}}
    bound = {"value": 3, "unit": "runs", "at_least": True, "reason": FELL}
    unknown = {"value": None, "unit": "runs", "unknown": BEFORE}
    new["catalogues"][0]["groups"] = [{**table, "rows": [{"name": n, "figures": {"uses": bound}} for n in "ba"]}]
    block["groups"] = [{**table, "rows": [{"name": n, "figures": {"uses": unknown}} for n in "ab"]}]
    block["history"][-1] |= {"uses": 5, "models_used": 2}
    again = document_rules.restate_document(new, old)["catalogues"][0]
    assert again["groups"] == block["groups"] and again["history"] == block["history"]


def test_a_period_that_is_known_by_now_has_no_tables_where_an_older_digest_knew_no_use() -> None:
    again = document_rules.restate_document(whole(), older(partial()))["catalogues"][0]
    assert (again["top"], again["curve"]) == ([], [])


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_lower_bound_is_said_as_one_in_every_language(language: str) -> None:
    shown, noun = number_format.format_figure(LEAST, language), number_format.format_figure_with_noun(LEAST, language)
    bare = number_format.format_count(1234, language)
    assert bare in shown and len(shown) > len(bare) and len(noun) > len(shown)
    assert (
        number_format.format_figure({"value": 0.25, "unit": "share", "label": "", "at_least": True}, "en")
        == "at least 25%"
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ f | figure }}", "at least 1,234"),
        ("{{ f | measured }}", "at least 1,234 runs"),
        ("{{ f.value | number }}", "at least 1,234"),
        ("{{ f.value | compact }}", "at least 1,234"),
        ("{{ f.value | counted('runs') }}", "at least 1,234 runs"),
        ("{{ f.value | spelled | capitalized }}", "At least 1,234"),
        ("{{ f.value | counted('runs') | capitalized }}", "At least 1,234 runs"),
    ],
)
def test_no_template_can_show_a_lower_bound_as_if_it_were_all(template: str, text: str) -> None:
    word = environment.get_environment("text").from_string(template).render(traced_values.trace_values({"f": LEAST}))
    assert text_blocks.lint_text(word, "test.j2") == text


def bounded(document: dict[str, Any]) -> None:
    """Make use of the last day partly unknown."""
    block = document["catalogues"][0]
    for key in ("uses", "models_used", "share_used", "models_listed"):
        if key != "models_listed":
            block["figures"][key] |= {"at_least": True, "reason": FELL}
    block["history"][-1]["at_least"] = True
    for row in block["top"]:
        row["share"] = None
    block["findings"] = []


@pytest.mark.parametrize("outlet", ["x", "discord", "text"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_post_of_a_lower_bound_says_so_and_why(outlet: str, language: str) -> None:
    document = changed("day-2025-01-12", bounded)
    post = render.build_post(document, outlet, render.PostRenderOptions(language))
    text = "\n".join(post.parts) + (str(post.embed) if post.embed else "")
    if language == "en":
        assert "at least 929 of 3,783 public models were used" in text
        assert "It may be more: the counter of 1 model fell" in text
    assert "929" in text


def test_a_day_of_a_lower_bound_is_drawn_as_unknown_and_told_beside_the_picture() -> None:
    block = changed("day-2025-01-12", bounded)["catalogues"][0]
    assert chart_data.history_days(block)[-1].used is None and chart_data.history_days(block)[-1].listed == 3783
    assert chart_data.drawable_value(LEAST) is None and chart_data.drawable_value({"value": 3}) == 3
    assert "Models used: at least 929." in alt_text.describe_overview(changed("day-2025-01-12", bounded))


def test_a_lower_bound_is_no_move_that_a_quiet_channel_is_told_of() -> None:
    document = changed("day-2025-01-12", bounded)
    why = stillness_reason(document, changed("day-2025-01-12", lambda value: None), 0.1)
    assert why.startswith("nothing is known to have moved")
