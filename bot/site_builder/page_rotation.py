"""When the page of a name is brought up to date: every day while the page of the newest digest names it, and otherwise
once in `TURN` days. A page says up to which day it goes.

The rule: a page never stays if a record that it shows has changed. Its version is the day up to which it goes and a
checksum of what it shows up to that day, so what came later does not change it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from bot.queries import entity_links, entity_queries
from bot.queries.entity_queries import EntityIndex
from bot.records import Document
from bot.records.entity_pages import EntityKind, entity_path
from bot.render.model_tables import TOP
from bot.site_builder.digest_pages import ledger_version
from bot.site_builder.groups import SiteBuild, checksum

TURN = 7
"""Days after which every page is brought up to date at the latest."""
DAILY_MODELS = TOP
"""The most used models of the newest day: those on the page of its digest."""


@dataclass(frozen=True, slots=True)
class PageRotation:
    """The pages of one index and when they are due."""

    build: SiteBuild
    index: EntityIndex
    digests: Sequence[date]
    """The days with a digest."""
    findings: Mapping[tuple[EntityKind, str], Sequence[Document]]
    """What the digests said of each name, newest first."""
    daily: Collection[str]
    """The pages that are brought up to date with each new day."""

    def version(self, path: str) -> str:
        """The version of a page that is rendered now."""
        return self._version_at(path, self.index.last)

    def may_stay(self, path: str, version: str) -> bool:
        """Whether a page that was written under another version may stay for now: it goes up to an earlier day, is not
        due, and nothing that it shows has changed since."""
        try:
            written = date.fromisoformat(version.partition(" ")[0])
        except ValueError:
            return False
        return not self._is_due(path, written) and version == self._version_at(path, written)

    def _is_due(self, path: str, written: date) -> bool:
        """Whether the turn of a page came after the day up to which it goes."""
        last = self.index.last
        if path in self.daily or written >= last:
            return True
        return (last.toordinal() - turn_of(path)) // TURN > (written.toordinal() - turn_of(path)) // TURN

    def _version_at(self, path: str, day: date) -> str:
        """Of the ledger and the digests up to a day, the names that a page links, and what the digests said of it."""
        entity = self.index.entities[path]
        findings = entity_queries.findings_until(self.findings.get((entity.kind, entity.name), ()), day)
        groups = entity_links.entity_names(entity.models[0])[1:] if entity.kind == "model" else ()
        return f"{day} {checksum(self._days_until(day), groups, findings)}"

    def _days_until(self, day: date) -> str:
        """A checksum of what all pages that go up to a day are made from."""
        first, network, catalogue = entity_queries.first_shown(day), self.index.watched.network, self.index.catalogue
        shown = [str(digest) for digest in self.digests if first <= digest <= day]
        look = lambda: self.build.checksum(ledger_version(self.build, catalogue, day), shown)  # noqa: E731
        return self.build.remember(("until", network, catalogue.key, day), look)


def turn_of(path: str) -> int:
    """On which day of `TURN` a page is due: by the digits of its address, which are a checksum of its name."""
    return int(path.rpartition("-")[2], 16) % TURN


def page_rotation(build: SiteBuild, index: EntityIndex) -> PageRotation:
    """The rotation of the pages of an index."""
    key = ("rotation", index.watched.network, index.catalogue.key)
    return build.remember(key, lambda: _read_rotation(build, index))


def _read_rotation(build: SiteBuild, index: EntityIndex) -> PageRotation:
    desk, network, catalogue = build.desk, index.watched.network, index.catalogue
    findings = entity_queries.findings_by_name(desk, index)
    last = index.last.isoformat()
    named = [name for name, held in findings.items() if held[0]["d"]["last_day"] == last]
    daily_desk = replace(desk, model_pages=min(DAILY_MODELS, desk.model_pages))
    linked = entity_links.linked_pages(daily_desk, catalogue, (index.last,)).paths or ()
    daily = {*linked, *(entity_path(kind, network, catalogue.key, name) for kind, name in named)}
    return PageRotation(build, index, desk.digest_days(network)["day"], findings, daily)
