"""The data releases: the files of each published edition below data/, and the lists of them.

The rule: an edition never changes, so the files of a release are written once. Only a name that is hidden later makes
them anew. A draft may still change, so it has no release.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.archive import IssuedEdition
from bot.records import Document, Period
from bot.render import data_release
from bot.render.data_release import ReleaseEntry
from bot.render.page_layout import File
from bot.site_builder import digest_pages
from bot.site_builder.groups import FileGroup, SiteBuild, checksum

INDEX = "data/index.html"


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """The lists, and a group for each release."""
    yield _index_group(build)
    for network in digest_pages.networks(build):
        if editions := _editions(build, network):
            yield _list_group(build, network)
            for edition in editions:
                yield _release_group(build, edition)


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path such as data/index.json, data/replicate/index.html or
    data/replicate/2025-01-12/edition-1/digest.json."""
    folder, _, name = path.rpartition("/")
    if folder == "data":
        return _index_group(build) if name in ("index.html", "index.json") else None
    network = folder.removeprefix("data/").partition("/")[0]
    if not folder.startswith("data/") or network not in digest_pages.networks(build):
        return None
    editions = _editions(build, network)
    if folder == f"data/{network}":
        return _list_group(build, network) if editions and name in ("index.html", "index.json") else None
    edition = next((edition for edition in editions if _folder(edition) == folder), None)
    return _release_group(build, edition) if edition else None


def _editions(build: SiteBuild, network: str) -> tuple[IssuedEdition, ...]:
    return build.remember(("editions", network), lambda: build.desk.archive.issued_editions(network))


def _folder(edition: IssuedEdition) -> str:
    place = {"network": edition.network, "period": edition.period, "day": edition.day.isoformat()}
    return data_release.release_folder({**place, "edition": edition.edition})


def _release_group(build: SiteBuild, edition: IssuedEdition) -> FileGroup:
    def render() -> Iterator[File]:
        document = _document(build, edition)
        if document is None:
            return
        ranked = digest_pages.ranked_models(build.desk, document) if edition.is_newest else {}
        yield from data_release.release_files(document, ranked, build.site.licence)

    # Neither code nor configuration nor the ledger: what was released stays.
    version = checksum(data_release.SCHEMA_VERSION, build.desk.hidden, _folder(edition))
    return FileGroup(f"{_folder(edition)}/digest.json", render, lambda: version)


def _document(build: SiteBuild, edition: IssuedEdition) -> Document | None:
    """An edition as it may be shown."""
    document = build.desk.archive.find_digest(edition.network, edition.period, edition.day, edition.edition)
    return None if document is None else build.desk.mask_hidden(document)


def _list_group(build: SiteBuild, network: str) -> FileGroup:
    """The list of a network's releases, as a page and as JSON."""
    title = next((page.title for page in build.site.networks if page.key == network), network)

    def render() -> Iterator[File]:
        entries = [_entry(build, edition) for edition in _editions(build, network)]
        return data_release.list_files(build.site, network, title, entries)

    path = f"data/{network}/index.html"
    return FileGroup(path, render, lambda: build.checksum(title, _editions(build, network)), (path,))


def _entry(build: SiteBuild, edition: IssuedEdition) -> ReleaseEntry:
    """A release in a list. Only a revision's document is read, for what it changed."""
    revised = _document(build, edition) if edition.edition > 1 else None
    period = Period.for_day(edition.day, edition.period)
    changed = len(revised["changes"]) if revised else 0
    return ReleaseEntry(_folder(edition), edition.period, period, edition.edition, edition.is_newest, changed)


def _index_group(build: SiteBuild) -> FileGroup:
    """The list of networks, with the newest release of each."""

    def newest() -> list[IssuedEdition]:
        latest = (_editions(build, network.key) for network in build.site.networks)
        return [max(editions, key=_end) for editions in latest if editions]

    def render() -> Iterator[File]:
        counts = {edition.network: len(_editions(build, edition.network)) for edition in newest()}
        titles = {page.key: page.title for page in build.site.networks}
        rows = [(e.network, titles[e.network], counts[e.network], _entry(build, e)) for e in newest()]
        return data_release.index_files(build.site, rows)

    def version() -> str:
        return build.checksum([(edition, len(_editions(build, edition.network))) for edition in newest()])

    return FileGroup(INDEX, render, version, (INDEX,))


def _end(edition: IssuedEdition) -> tuple[object, ...]:
    return Period.for_day(edition.day, edition.period).last, edition.period == "day", edition.edition
