"""A data release: the files of one edition of a digest, with a manifest of their sizes and checksums.

An edition never changes, so neither does its release: a new edition is a new folder. What a reader needs to check a
release without the raw data is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from bot.records import Document
from bot.render import feeds
from bot.render.figure_tables import figure_rows, table_csv
from bot.render.model_tables import RankedRow, csv_bytes
from bot.render.page_layout import File, digest_folder, source_sentences

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1


def release_folder(document: Document) -> str:
    """data/replicate/2025-01-12/edition-1, data/replicate/week/2025-01-06/edition-1."""
    return f"data/{digest_folder(document)}/edition-{document['edition']}"


def release_files(document: Document, ranked: Mapping[str, Sequence[RankedRow]], licence: str = "") -> Iterator[File]:
    """The files of a digest's release, the manifest last. `ranked` has the models of each catalogue whose ranking adds
    up to the digest; `licence` is that of the publisher's own texts and tables."""
    folder = release_folder(document)
    contents = {
        "digest.json": feeds.json_bytes(document),
        "figures.csv": table_csv(figure_rows([document])),
        "licence.txt": licence_text(document, licence),
    }
    if agreed := {key: rows for key, rows in ranked.items() if adds_up(document, key, rows)}:
        contents["models.csv"] = csv_bytes(agreed)
    for name, content in contents.items():
        yield f"{folder}/{name}", content
    yield f"{folder}/{MANIFEST}", feeds.json_bytes(make_manifest(document, contents, licence))


def make_manifest(document: Document, contents: Mapping[str, bytes], licence: str = "") -> Document:
    """The manifest of a release with these files."""
    keys = ("network", "title", "period", "day", "last_day", "edition", "composed_at")
    edition: int = document["edition"]
    return {
        "schema_version": SCHEMA_VERSION,
        **{key: document[key] for key in keys},
        "replaces_edition": edition - 1 if edition > 1 else None,
        "figures_changed": len(document["changes"]),
        "attribution": attribution(document),
        "licence": [*source_sentences(document), *([f"{_OWN} {licence}"] if licence else [])],
        "files": [
            {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in contents.items()
        ],
    }


_OWN = "Tables and texts of this release:"


def attribution(document: Document) -> str:
    """Whom to name: the network, and where its records were read."""
    places = dict.fromkeys(host for ref in document["refs"] if (host := urlsplit(ref["url"]).hostname))
    read = f", read from {', '.join(places)}" if places else ""
    return f"{document['title']}{read}, counted by Footfall."


def licence_text(document: Document, licence: str) -> bytes:
    """Whose numbers these are and under which licence, in whole sentences."""
    named: list[str] = [*source_sentences(document)] or [
        "No licence of the network's own numbers is known; they are facts."
    ]
    own = [f"{_OWN} {licence}"] if licence else []
    return ("\n".join([attribution(document), *named, *own]) + "\n").encode()


def adds_up(document: Document, catalogue: str, rows: Sequence[RankedRow]) -> bool:
    """Whether a ranking is that of the digest: as many models are listed and used, and the uses are the same. The
    ledger may have learned of more since."""
    block = next(block for block in document["catalogues"] if block["catalogue"] == catalogue)
    counted = {
        "models_listed": len(rows),
        "models_used": sum(1 for row in rows if row.uses),
    }
    figures = {key: block["figures"].get(key, {}) for key in counted}
    exact = {key: value for key, figure in figures.items() if (value := _exact_value(figure)) is not None}
    top = [(row["model"], row["uses"]) for row in block["top"]]
    first = [(row.model, row.uses) for row in rows[: len(top)]]
    return all(counted[key] == value for key, value in exact.items()) and (not top or top == first)


def _exact_value(figure: Mapping[str, Any]) -> int | None:
    value = figure.get("value")
    return value if isinstance(value, int) and not figure.get("at_least") and not figure.get("error") else None
