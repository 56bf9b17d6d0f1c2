"""A data release: the files of one edition of a digest, with a manifest of their sizes and checksums.

An edition never changes, so neither does its release: a new edition is a new folder. What a reader needs to check a
release without the raw data is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from markupsafe import escape

from bot import number_format
from bot.records import Document, Period, PeriodName
from bot.render import feeds
from bot.render.figure_tables import table_csv, table_rows
from bot.render.model_tables import RankedRow, csv_bytes
from bot.render.page_addresses import digest_folder
from bot.render.page_layout import File, SiteContext, render_page, slot_marker, source_sentences

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """A release in a list of them."""

    folder: str
    period_name: PeriodName
    period: Period
    edition: int
    is_newest: bool
    figures_changed: int
    """Against the edition before; 0 in the first."""

    def to_document(self) -> Document:
        return {
            "manifest": f"{self.folder.removeprefix('data/')}/{MANIFEST}",
            "period": self.period_name,
            "day": self.period.first.isoformat(),
            "last_day": self.period.last.isoformat(),
            "edition": self.edition,
            "newest_edition": self.is_newest,
            "replaces_edition": self.edition - 1 if self.edition > 1 else None,
            "figures_changed": self.figures_changed,
        }


def release_folder(document: Document) -> str:
    """data/replicate/2025-01-12/edition-1, data/replicate/week/2025-01-06/edition-1."""
    return f"data/{digest_folder(document)}/edition-{document['edition']}"


def release_files(document: Document, ranked: Mapping[str, Sequence[RankedRow]], licence: str = "") -> Iterator[File]:
    """The files of a digest's release, the manifest last. `ranked` has the models of each catalogue whose ranking adds
    up to the digest; `licence` is that of the publisher's own texts and tables."""
    folder = release_folder(document)
    contents = {
        "digest.json": feeds.json_bytes(document),
        "figures.csv": table_csv(table_rows([document])),
        "licence.txt": ("\n".join([attribution(document), *licence_sentences(document, licence)]) + "\n").encode(),
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
        "licence": licence_sentences(document, licence),
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


def licence_sentences(document: Document, licence: str) -> list[str]:
    """Whose numbers these are and under which licence."""
    named: list[str] = [*source_sentences(document)] or [_NO_LICENCE]
    return [*named, *([f"{_OWN} {licence}"] if licence else [])]


_NO_LICENCE = "No licence of the network's own numbers is known; they are facts."


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


def list_files(site: SiteContext, network: str, title: str, entries: Sequence[ReleaseEntry]) -> Iterator[File]:
    """The list of a network's releases, newest first, as a page and as JSON. Paths in JSON begin at data/."""
    newest = sorted(entries, key=lambda entry: (entry.period.last, entry.period.first, entry.edition), reverse=True)
    folder = f"data/{network}"
    rows = "\n".join(_entry_row(entry, folder) for entry in newest)
    page = render_page(
        site, "data_network.j2", f"{folder}/index.html", {"rows": rows},
        network={"key": network, "title": title}, rows=slot_marker("rows"),
    )  # fmt: skip
    yield f"{folder}/index.html", page
    releases = [entry.to_document() for entry in newest]
    document = {"schema_version": SCHEMA_VERSION, "network": network, "title": title, "releases": releases}
    document["revisions"] = [release for release in releases if release["replaces_edition"]]
    yield f"{folder}/index.json", feeds.json_bytes(document)


def _entry_row(entry: ReleaseEntry, folder: str) -> str:
    link = entry.folder.removeprefix(f"{folder}/")
    when = number_format.format_day_range(entry.period.first.isoformat(), entry.period.last.isoformat())
    files = ", ".join(f'<a href="{link}/{name}">{name}</a>' for name in ("digest.json", "figures.csv", MANIFEST))
    state = "newest edition" if entry.is_newest else "replaced"
    changed = f"; {number_format.format_count(entry.figures_changed)} changed" if entry.figures_changed else ""
    return (
        f'<tr><th scope="row">{escape(when)}</th><td class="number">{entry.edition}</td>'
        f"<td>{state}{changed}</td><td>{files}</td></tr>"
    )


def index_files(site: SiteContext, newest: Sequence[tuple[str, str, int, ReleaseEntry]]) -> Iterator[File]:
    """The list of networks with releases, as a page and as JSON. `newest`: each network's key, title, number of
    releases and newest release."""
    rows = [
        {"key": key, "title": title, "releases": count, "day": number_format.format_day(entry.period.last)}
        for key, title, count, entry in newest
    ]
    yield "data/index.html", render_page(site, "data.j2", "data/index.html", {}, rows=rows)
    listed = [
        {"network": key, "title": title, "releases": count, "list": f"{key}/index.json", "newest": entry.to_document()}
        for key, title, count, entry in newest
    ]
    facts = {"licence": site.licence or None, "publisher": site.operator or None}
    yield "data/index.json", feeds.json_bytes({"schema_version": SCHEMA_VERSION, **facts, "networks": listed})
