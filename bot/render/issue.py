"""The page and the files of one digest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.records import Document, Receipt, blocks
from bot.render import feeds, pieces, tables
from bot.render.digests import context
from bot.render.environment import rendered
from bot.render.page import File, Issue, Site, folder, history_path, moment, page, slot


def issue_files(
    site: Site, issue: Issue, words: str, neighbours: tuple[Document | None, Document | None]
) -> Iterator[File]:
    """A digest's page, document and ranking. `words` is its story, `neighbours` the digests before and after it."""
    document = issue.document
    path = folder(document)
    root = "../" * (path.count("/") + 1)
    ranked = {key: rows for key, rows in issue.models.items() if not isinstance(rows, str)}
    slots = {"story": words, **charts(issue)}
    slots |= {f"table-{key}": tables.html(rows, document, key) for key, rows in ranked.items()}
    earlier, later = ({"d": d, "link": f"{root}{folder(d)}/index.html"} if d else None for d in neighbours)
    made = page(
        site, "issue.j2", root, slots,
        **about(document),
        rows={block["catalogue"]: _rows(site, document, block, root) for block in blocks(document)},
        refs=[
            {**ref, "number": n, "at": moment(ref["at"])} for n, ref in enumerate(document["refs"], 1)
        ],
        composed=moment(document["composed_at"]),
        receipts=[_receipt(receipt) for receipt in issue.receipts],
        reasons={key: rows for key, rows in issue.models.items() if isinstance(rows, str)},
        tables={key: slot(f"table-{key}") for key in ranked},
        csv=bool(ranked),
        earlier=earlier,
        later=later,
    )  # fmt: skip
    yield f"{path}/index.html", made
    yield f"{path}/digest.json", feeds.json_bytes(document)
    if ranked:
        yield f"{path}/models.csv", tables.csv_bytes(ranked)


def about(document: Document, own: str = "") -> dict[str, Any]:
    """What the templates of a digest are given, with places for the story and the charts; `own` begins their names."""
    keys = [block["catalogue"] for block in document["catalogues"]]
    places = {key: {kind: slot(f"{own}{kind}-{key}") for kind in ("usage", "concentration")} for key in keys}
    return {**context(document), "story": slot(f"{own}story"), "slots": places}


def charts(issue: Issue) -> dict[str, str]:
    """A digest's charts by the names of their places."""
    return {f"{kind}-{key}": svg for key, drawn in issue.svgs.items() for kind, svg in drawn.items()}


def _rows(site: Site, document: Document, block: Mapping[str, Any], root: str) -> list[dict[str, Any]]:
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


def _receipt(receipt: Receipt) -> dict[str, str]:
    # A platform's answer is foreign: only a web address becomes a link.
    url = receipt.url if receipt.url.startswith("https://") else ""
    return {"outlet": receipt.outlet, "url": url, "platform_id": receipt.platform_id, "at": moment(receipt.at)}


_SPACES = re.compile(r"\s+")
_BEFORE_MARK = re.compile(r" +(?=[.,;:)](?:\s|<|$))")


def story(site: Site, document: Document) -> str:
    """The digest in sentences, as HTML paragraphs."""
    raw = rendered("site", "site/_story.j2", hidden=tuple(site.hidden), **context(document))
    flowing = _BEFORE_MARK.sub("", _SPACES.sub(" ", raw.replace(pieces.LINE, "<br>")))
    return flowing.replace("> ", ">").replace(" </p>", "</p>").strip()
