"""The front page, the feeds, and the files that do not depend on any digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from bot.records import Period
from bot.render import page_layout, site_files
from bot.render.page_layout import File
from bot.render.site_files import RECENT, FrontDigest
from bot.site_builder import digest_pages
from bot.site_builder.digest_pages import PERIODS, DigestPlace
from bot.site_builder.groups import FileGroup, SiteBuild

FRONT, FEED, ABOUT = "index.html", "feed.xml", "about.html"
_GROUP_OF = {FRONT: FRONT, FEED: FEED, "feed.json": FEED}
_GROUP_OF |= dict.fromkeys((ABOUT, site_files.MISSING, "robots.txt", *site_files.STATIC), ABOUT)


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """The front page, the feeds, and the rest."""
    yield FileGroup(
        FRONT, lambda: _index(build), lambda: _version(build, [*_recent(build), *_latest_days(build)]), (FRONT,)
    )
    yield FileGroup(
        FEED,
        lambda: site_files.feed_files(build.site, _front_digests(build, _newest(build)[:RECENT])),
        lambda: _version(build, _newest(build)[:RECENT]),
    )
    yield FileGroup(ABOUT, lambda: site_files.shared_files(build.site), build.checksum, (ABOUT,))


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path at the top of the site."""
    return next((group for group in groups(build) if group.key == _GROUP_OF.get(path)), None)


def _version(build: SiteBuild, places: Sequence[DigestPlace]) -> str:
    return build.checksum([digest_pages.archive_version(build, place) for place in places])


def _index(build: SiteBuild) -> Iterator[File]:
    latest = _front_digests(build, _latest_days(build))
    svgs = {day.document["network"]: digest_pages.digest_charts(day.whole) for day in latest}
    recent = [d.document for d in _front_digests(build, _recent(build))]
    yield FRONT, site_files.index_page(build.site, recent, latest, svgs)


def _newest(build: SiteBuild) -> list[DigestPlace]:
    """All digests, newest first."""
    return build.remember("newest", lambda: sorted(_places(build), key=_end, reverse=True))


def _places(build: SiteBuild) -> Iterator[DigestPlace]:
    for network in digest_pages.networks(build):
        for period in PERIODS:
            yield from digest_pages.digest_places(build, network, period).values()


def _end(place: DigestPlace) -> tuple[object, ...]:
    return Period.for_day(place.day, place.period).last, place.period == "day", place.network


def _latest_days(build: SiteBuild) -> list[DigestPlace]:
    """The latest daily digest of each network."""
    days = (digest_pages.digest_places(build, network.key, "day") for network in build.site.networks)
    return [list(places.values())[-1] for places in days if places]


def _recent(build: SiteBuild) -> list[DigestPlace]:
    """The newest digests beside those."""
    shown = _latest_days(build)
    return [place for place in _newest(build) if place not in shown][:RECENT]


def _front_digests(build: SiteBuild, places: Sequence[DigestPlace]) -> list[FrontDigest]:
    """These digests as they are shown among others."""

    def look(place: DigestPlace) -> FrontDigest | None:
        document = digest_pages.find_document(build, place)
        return FrontDigest(document, page_layout.digest_story(build.site, document)) if document else None

    shown = (build.remember(("front", place), partial(look, place)) for place in places)
    return [digest for digest in shown if digest is not None]
