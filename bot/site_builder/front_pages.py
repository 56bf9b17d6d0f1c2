"""The front page, the feeds, the state of the sources, and the files that do not depend on any digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from bot.queries import health
from bot.queries.context import VersionedCache
from bot.records import Document, Period
from bot.render import front_page, page_layout, site_files
from bot.render.front_page import RECENT
from bot.render.health_page import health_page
from bot.render.page_layout import File
from bot.render.site_files import FrontDigest
from bot.site_builder import digest_pages
from bot.site_builder.digest_pages import PERIODS, DigestPlace
from bot.site_builder.groups import FileGroup, SiteBuild
from bot.site_builder.stored_digests import stored_network

FRONT, FEED, HEALTH, ABOUT = "index.html", "feed.xml", "health.html", "about.html"
_GROUP_OF = {FRONT: FRONT, HEALTH: HEALTH, FEED: FEED, "feed.json": FEED}
_GROUP_OF |= dict.fromkeys((ABOUT, site_files.MISSING, "robots.txt", *site_files.STATIC), ABOUT)


_STORIES: VersionedCache = VersionedCache(kept=2 * RECENT)
"""Stories of the newest digests: a worker writes the same ones with each new day."""


def groups(build: SiteBuild) -> Iterator[FileGroup]:
    """The front page, the feeds, and the rest."""
    yield FileGroup(FRONT, lambda: _index(build), lambda: _front_version(build), (FRONT,))
    yield FileGroup(
        FEED,
        lambda: site_files.feed_files(build.site, _front_digests(build, _newest(build)[:RECENT])),
        lambda: _version(build, _newest(build)[:RECENT]),
    )
    yield FileGroup(
        HEALTH, lambda: [(HEALTH, health_page(build.site, _health(build)))], lambda: _health_version(build), (HEALTH,)
    )
    yield FileGroup(ABOUT, lambda: site_files.shared_files(build.site), build.checksum, (ABOUT,))


def find_group(build: SiteBuild, path: str) -> FileGroup | None:
    """The group of a path at the top of the site."""
    return next((group for group in groups(build) if group.key == _GROUP_OF.get(path)), None)


def _version(build: SiteBuild, places: Sequence[DigestPlace], *more: object) -> str:
    return build.checksum([digest_pages.archive_version(build, place) for place in places], *more)


def _front_version(build: SiteBuild) -> str:
    """Of its digests, and of what the ledger has for the models that its stories link."""
    latest = [digest_pages.page_version(build, place) for place in _latest_days(build)]
    return _version(build, _front_places(build), latest)


def _index(build: SiteBuild) -> Iterator[File]:
    digests = _front_digests(build, _front_places(build))
    known = [d.whole for d in digests if d.whole["period"] == "day" and front_page.is_known(d.whole)]
    latest = {document["network"]: document for document in reversed(known)}
    slots = {name: page_layout.chart_slots(digest_pages.digest_charts(each)) for name, each in latest.items()}
    pages = {name: digest_pages.linked_pages(build, each) for name, each in latest.items()}
    stories = {name: page_layout.digest_story(build.site, each, pages[name]) for name, each in latest.items()}
    yield FRONT, front_page.index_page(build.site, [digest.document for digest in digests], stories, pages, slots)


def _health(build: SiteBuild) -> Document:
    return build.remember(HEALTH, lambda: health(build.desk))


def _health_version(build: SiteBuild) -> str:
    """Of all that the page says, and of its day."""
    answer = _health(build)
    return build.checksum({**answer, "as_of": answer["as_of"][:10]})


def _newest(build: SiteBuild) -> list[DigestPlace]:
    """All digests, newest first."""
    return build.remember("newest", lambda: sorted(_places(build), key=_end, reverse=True))


def _places(build: SiteBuild) -> Iterator[DigestPlace]:
    for network in digest_pages.networks(build):
        for period in PERIODS:
            yield from digest_pages.digest_places(build, network, period).values()


def _end(place: DigestPlace) -> tuple[object, ...]:
    return Period.for_day(place.day, place.period).last, place.period == "day", place.network


def _latest_days(build: SiteBuild) -> Iterator[DigestPlace]:
    """The latest daily digest of each network, and its latest one whose headline is known."""
    for network in build.site.networks:
        places = digest_pages.digest_places(build, network.key, "day")
        days = [each for each in stored_network(build, network.key).documents if each["period"] == "day"]
        known = next((each for each in reversed(days) if front_page.is_known(each)), None)
        # A digest that was stored between the two reads belongs to the next build.
        yield from (places[each["day"]] for each in (*days[-1:], known) if each and each["day"] in places)


def _front_places(build: SiteBuild) -> list[DigestPlace]:
    """Those, and the newest digests beside them; newest first."""
    shown = set(_latest_days(build))
    recent = [place for place in _newest(build) if place not in shown][:RECENT]
    return sorted({*shown, *recent}, key=_end, reverse=True)


def _front_digests(build: SiteBuild, places: Sequence[DigestPlace]) -> list[FrontDigest]:
    """These digests as they are shown among others."""

    def look(place: DigestPlace) -> FrontDigest | None:
        document = digest_pages.find_document(build, place)
        if document is None:
            return None
        mark = build.checksum(digest_pages.archive_version(build, place)[:1])
        story = _STORIES.get_or_compute(place.folder, mark, lambda: page_layout.digest_story(build.site, document))
        return FrontDigest(document, story)

    shown = (build.remember(("front", place), partial(look, place)) for place in places)
    return [digest for digest in shown if digest is not None]
