"""The page and the files of one digest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.records import Document, catalogues_and_panels
from bot.render import feeds, model_tables, text_blocks
from bot.render.digest_posts import template_context
from bot.render.environment import render_template
from bot.render.page_layout import (
    HEADING,
    DigestPage,
    File,
    SiteContext,
    digest_folder,
    history_path,
    instant_text,
    render_page,
    slot_marker,
)


def issue_files(
    site: SiteContext, issue: DigestPage, words: str, neighbours: tuple[Document | None, Document | None]
) -> Iterator[File]:
    """A digest's page, document and ranking. `words` is its story, `neighbours` the digests before and after it."""
    document = issue.document
    path = digest_folder(document)
    root = "../" * (path.count("/") + 1)
    ranked = {key: rows for key, rows in issue.models.items() if not isinstance(rows, str)}
    slots = {"story": words, **chart_slots(issue)}
    slots |= {f"table-{key}": model_tables.ranking_html(rows, document, key) for key, rows in ranked.items()}
    earlier, later = (
        {"d": {key: d[key] for key in HEADING}, "link": f"{root}{digest_folder(d)}/index.html"} if d else None
        for d in neighbours
    )
    made = render_page(
        site, "issue.j2", root, slots,
        **page_context(document),
        rows={b["catalogue"]: _figure_rows(site, document, b, root) for b in catalogues_and_panels(document)},
        refs=[
            {**ref, "number": n, "at": instant_text(ref["at"])} for n, ref in enumerate(document["refs"], 1)
        ],
        composed=instant_text(document["composed_at"]),
        # A platform's answer is foreign: only a web address becomes a link.
        receipts=[
            {"outlet": r.outlet, "url": r.url if r.url.startswith("https://") else "", "platform_id": r.platform_id,
             "at": instant_text(r.at)}
            for r in issue.receipts
        ],
        reasons={key: rows for key, rows in issue.models.items() if isinstance(rows, str)},
        tables={key: slot_marker(f"table-{key}") for key in ranked},
        csv=bool(ranked),
        earlier=earlier,
        later=later,
    )  # fmt: skip
    yield f"{path}/index.html", made
    yield f"{path}/digest.json", feeds.json_bytes(document)
    if ranked:
        yield f"{path}/models.csv", model_tables.csv_bytes(ranked)


def page_context(document: Document, own: str = "") -> dict[str, Any]:
    """What the templates of a digest are given, with places for the story and the charts; `own` begins their names."""
    keys = [block["catalogue"] for block in document["catalogues"]]
    places = {key: {kind: slot_marker(f"{own}{kind}-{key}") for kind in ("usage", "concentration")} for key in keys}
    return {**template_context(document), "story": slot_marker(f"{own}story"), "slots": places}


def chart_slots(issue: DigestPage) -> dict[str, str]:
    """A digest's charts by the names of their places."""
    return {f"{kind}-{key}": svg for key, drawn in issue.svgs.items() for kind, svg in drawn.items()}


def _figure_rows(site: SiteContext, document: Document, block: Mapping[str, Any], root: str) -> list[dict[str, Any]]:
    """A catalogue's figures with what each counts, where its history is and which records it rests on."""
    return [
        {
            "key": key,
            "figure": figure,
            "definition": site.definitions.get(key, ""),
            "history": f"{root}{history_path(document['network'], block['catalogue'], key)}",
            "records": [index + 1 for index in figure.get("refs", ())],
        }
        for key, figure in block["figures"].items()
    ]


_SPACES = re.compile(r"\s+")
_BEFORE_MARK = re.compile(r" +(?=[.,;:)](?:\s|<|$))")


def digest_story(site: SiteContext, document: Document) -> str:
    """The digest in sentences, as HTML paragraphs."""
    raw = render_template("site", "site/_story.j2", hidden=site.hidden, **template_context(document))
    flowing = _BEFORE_MARK.sub("", _SPACES.sub(" ", raw.replace(text_blocks.LINE, "<br>")))
    return flowing.replace("> ", ">").replace(" </p>", "</p>").strip()
