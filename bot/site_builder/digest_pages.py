"""The files of single digests: the page, the document, the ranking and the picture."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from bot import charts, ledger, pipeline
from bot.queries import QueryContext, WatchedNetwork, entity_links
from bot.records import COMPARISON, Catalogue, Document, Period, PeriodName, Unknown, each_day
from bot.records.entity_pages import EntityPages
from bot.records.names import NameMask
from bot.render import model_tables, page_layout, site_files
from bot.render.page_addresses import digest_folder
from bot.render.page_layout import File
from bot.site_builder import code_version
from bot.site_builder.groups import FileGroup, SiteBuild, checksum
from bot.site_builder.stored_digests import stored_network

PAGE, PICTURE = "index.html", "card.png"
PERIODS: tuple[PeriodName, ...] = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class DigestPlace:
    """A digest among those of its network and period name."""

    network: str
    period: PeriodName
    day: date
    earlier: date | None
    later: date | None

    @property
    def folder(self) -> str:
        return digest_folder({"network": self.network, "period": self.period, "day": self.day.isoformat()})

    def heading(self, title: str, day: date | None) -> Document | None:
        """The heading of a neighbour."""
        if day is None:
            return None
        last = Period.for_day(day, self.period).last.isoformat()
        return {"network": self.network, "title": title, "period": self.period, "day": str(day), "last_day": last}


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """Three groups for each digest, oldest first: its page, its other files, and its picture."""
    for network in networks(build):
        for period in PERIODS:
            for place in digest_places(build, network, period).values():
                yield from _digest_groups(build, place)


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path such as replicate/2025-01-12/index.html or replicate/week/2025-01-06/digest.json."""
    network, *rest = path.split("/")
    if network not in networks(build):  # before anything is read and remembered
        return None
    match rest:
        case [day, name]:
            place = digest_places(build, network, "day").get(day)
        case ["week" | "month" as period, day, name]:
            place = digest_places(build, network, period).get(day)
        case _:
            return None
    if place is None:
        return None
    page, files, *picture = _digest_groups(build, place)
    if name == PICTURE:
        return picture[0] if picture else None
    return page if name == PAGE else files


def networks(build: SiteBuild) -> tuple[str, ...]:
    """Everything that has digests: the networks, and their comparison."""
    return (*build.desk.watched, COMPARISON)


def digest_places(build: SiteBuild, network: str, period: PeriodName) -> dict[str, DigestPlace]:
    """Every digest of a network and period name by its first day, oldest first."""

    def look() -> dict[str, DigestPlace]:
        days = [entry.day for entry in build.desk.archive.list_digests(network, period)]
        triples = zip([None, *days], days, [*days[1:], None], strict=False)
        return {day.isoformat(): DigestPlace(network, period, day, earlier, later) for earlier, day, later in triples}

    return build.remember(("places", network, period), look)


def _digest_groups(build: SiteBuild, place: DigestPlace) -> Iterator[FileGroup]:
    """The page alone depends on the digests before and after it, and on receipts."""
    page = f"{place.folder}/{PAGE}"
    yield FileGroup(page, lambda: _page(build, place), lambda: page_version(build, place), (page,))
    yield FileGroup(f"{place.folder}/digest.json", lambda: _files(build, place), lambda: _files_version(build, place))
    if build.site.url and place.network != COMPARISON:
        yield FileGroup(
            f"{place.folder}/{PICTURE}", lambda: _picture(build, place), lambda: _picture_version(build, place)
        )


def page_version(build: SiteBuild, place: DigestPlace) -> str:
    """Of its files, its receipts, and its neighbours."""
    return build.checksum(_files_version(build, place), archive_version(build, place), place)


def _files_version(build: SiteBuild, place: DigestPlace) -> str:
    """Of the document, and of what the ledger has up to the end of the period."""
    last = Period.for_day(place.day, place.period).last
    watched = build.desk.watched.get(place.network)
    rankings = [ledger_version(build, catalogue, last) for catalogue in watched.catalogues] if watched else []
    return build.checksum(archive_version(build, place)[:1], rankings)


def _picture_version(build: SiteBuild, place: DigestPlace) -> str:
    """Drawing takes far longer than anything else, so it depends neither on the pages' code nor on receipts."""
    return checksum(code_version.picture_version(), build.desk.hidden, archive_version(build, place)[:1])


def archive_version(build: SiteBuild, place: DigestPlace) -> tuple[str, ...]:
    """Of a digest, and of its receipts."""
    return stored_network(build, place.network).checksums.get((place.period, place.day), ())


def ledger_version(build: SiteBuild, catalogue: Catalogue, last: date) -> str:
    """Of the records that a ranking up to a day is made from."""
    versions = build.remember(
        ("ledger", catalogue.network, catalogue.key), lambda: ledger.day_checksums(build.desk.store, catalogue)
    )
    place = bisect_right(versions, last, key=lambda version: version[0])
    return versions[place - 1][1] if place else ""


def _page(build: SiteBuild, place: DigestPlace) -> Iterator[File]:
    """The page of a digest; none if the archive does not have it any more."""
    if (shown := _shown_digest(build, place)) is not None:
        title = shown.document["title"]
        neighbours = (place.heading(title, day) for day in (place.earlier, place.later))
        yield site_files.digest_page(build.site, shown, *neighbours)


def _files(build: SiteBuild, place: DigestPlace) -> Iterable[File]:
    """Its other files."""
    shown = _shown_digest(build, place)
    return () if shown is None else site_files.digest_files(build.site, shown)


def _shown_digest(build: SiteBuild, place: DigestPlace) -> page_layout.DigestPage | None:
    """A digest with all that its files show; `None` if the archive does not have it any more."""
    return build.remember_newest("shown digest", place, lambda: _read_digest(build, place))


def _read_digest(build: SiteBuild, place: DigestPlace) -> page_layout.DigestPage | None:
    document = find_document(build, place)
    if document is None:
        return None
    page = _digest_page(build.desk, build.desk.watched.get(place.network), document)
    if build.site.url and place.network != COMPARISON:
        return replace(page, card_alt=pipeline.describe_picture(document, hidden=build.desk.hidden))
    return page


def _picture(build: SiteBuild, place: DigestPlace) -> Iterator[File]:
    """The picture of a digest's post, for link previews."""
    if (document := find_document(build, place)) is not None:
        yield f"{place.folder}/{PICTURE}", pipeline.draw_picture(document, hidden=build.desk.hidden).content


def find_document(build: SiteBuild, place: DigestPlace) -> Document | None:
    """A digest as it may be shown."""
    document = build.desk.archive.find_digest(place.network, place.period, place.day)
    return None if document is None else build.desk.mask_hidden(document)


def digest_charts(document: Document) -> Mapping[str, Mapping[str, str]]:
    """The charts of each catalogue of a digest, but not of a comparison."""
    if document["network"] == COMPARISON:
        return {}
    days = (date.fromisoformat(document["day"]), date.fromisoformat(document["last_day"]))
    return {
        block["catalogue"]: {
            "usage": charts.usage_svg(block, days),
            "concentration": charts.concentration_svg(block),
            "uses": charts.uses_svg(block),
        }
        for block in document["catalogues"]
    }


def _digest_page(desk: QueryContext, watched: WatchedNetwork | None, document: Document) -> page_layout.DigestPage:
    """The page of a digest, or of a comparison where no network is given."""
    first, last = date.fromisoformat(document["day"]), date.fromisoformat(document["last_day"])
    receipts = desk.archive.digest_receipts(document["network"], document["period"], first)
    public = [receipt for receipt in receipts if receipt.url]
    if watched is None:
        return page_layout.DigestPage(document, {}, {}, public)
    period = Period(first, last, document["period"])
    catalogues = _catalogues(watched, document)
    pages = _linked_pages(desk, watched, document)
    root = "../" * (digest_folder(document).count("/") + 1)
    models = {key: _ranked_models(desk, catalogues[key], period, pages[key], root) for key in catalogues}
    return page_layout.DigestPage(document, models, digest_charts(document), public, pages)


def linked_pages(build: SiteBuild, document: Document) -> dict[str, EntityPages]:
    """By catalogue: the pages that a digest links; none of a comparison."""
    watched = build.desk.watched.get(document["network"])
    return _linked_pages(build.desk, watched, document) if watched else {}


def _linked_pages(desk: QueryContext, watched: WatchedNetwork, document: Document) -> dict[str, EntityPages]:
    days = each_day(date.fromisoformat(document["day"]), date.fromisoformat(document["last_day"]))
    catalogues = _catalogues(watched, document)
    return {key: entity_links.linked_pages(desk, catalogue, days) for key, catalogue in catalogues.items()}


def ranked_models(desk: QueryContext, document: Document) -> dict[str, list[model_tables.RankedRow]]:
    """Every model of each catalogue of a digest whose ranking is known, as it may be shown."""
    watched = desk.watched.get(document["network"])
    if watched is None:
        return {}
    period = Period.for_day(date.fromisoformat(document["day"]), document["period"])
    none = EntityPages()
    ranked = {
        key: _ranked_models(desk, catalogue, period, none, "")
        for key, catalogue in _catalogues(watched, document).items()
    }
    return {key: rows for key, rows in ranked.items() if not isinstance(rows, str)}


def _catalogues(watched: WatchedNetwork, document: Document) -> dict[str, Catalogue]:
    """Those of a digest."""
    known = {catalogue.key: catalogue for catalogue in watched.catalogues}
    return {key: known[key] for block in document["catalogues"] if (key := block["catalogue"]) in known}


def _ranked_models(
    desk: QueryContext, catalogue: Catalogue, period: Period, pages: EntityPages, root: str
) -> list[model_tables.RankedRow] | str:
    rows = desk.model_rankings(catalogue, period)
    if isinstance(rows, Unknown):
        return rows.reason
    names = NameMask.from_names(desk.hidden)
    return [
        model_tables.RankedRow(
            row.rank,
            names.masked_model(row.model, row.author),
            names.masked_author(row.model, row.author),
            row.uses,
            row.share,
            row.first_listed,
            row.last_used,
            ""
            if names.hides_model(row.model, row.author)
            else pages.link("model", catalogue.network, catalogue.key, row.model, root),
        )
        for row in rows
    ]
