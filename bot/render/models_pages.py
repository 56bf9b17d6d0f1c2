"""A digest's pages of models: every listed model, some hundred rows to a page, so that each loads fast."""

from __future__ import annotations

from collections.abc import Iterator

from bot.render import model_tables
from bot.render.page_addresses import digest_folder
from bot.render.page_layout import HEADING, DigestPage, File, SiteContext, render_page, slot_marker


def models_files(site: SiteContext, issue: DigestPage) -> Iterator[File]:
    """`models.html` and further pages of one digest; none where there is no ranking."""
    document, path = issue.document, digest_folder(issue.document)
    pages = model_tables.ranking_pages(issue.ranked) if issue.ranked else []
    for number, parts in enumerate(pages, 1):
        shown = {key: document[key] for key in HEADING}
        turns = [{"number": n, "link": model_tables.page_name(n)} for n in range(1, len(pages) + 1)]
        name = f"{path}/{model_tables.page_name(number)}"
        content = {"models": model_tables.ranking_html(parts, document)}
        yield (
            name,
            render_page(
                site, "models.j2", name, content, d=shown, number=number, turns=turns, models=slot_marker("models")
            ),
        )
