"""Reads rows from an address, a file or a database, and stores what was read, so that a ref can be checked later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx

from bot.clients.daily_api import ApiAnswer, DailyApi
from bot.clients.raw_archive import open_raw_archive
from bot.records import SafeName, SourceError, SourceRef
from bot.sources.catalogue.database import QueryLimits, query_rows
from bot.sources.catalogue.rows import Row, decode_document, encode_rows, page_rows, value_at
from bot.sources.catalogue.settings import VARIABLE, CatalogueSettings, NextPage, RowSource

FIRST_ROWS = 20
"""Rows of a query that a probe reads."""


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads the rows of one network."""

    settings: CatalogueSettings
    api: DailyApi
    clock: Callable[[], datetime]
    secrets: Mapping[str, str] = field(repr=False)

    def read(
        self, source: RowSource, first: date | None = None, last: date | None = None, probe: bool = False
    ) -> tuple[list[Row], SourceRef]:
        """All rows, for use those of the days from `first` to `last`; with `probe`, those of the first page or the
        first ones. Raises `SourceError`."""
        if source.database:
            return self._query(source, first, last, probe)
        if source.file:
            return self._file(source, source.file)
        return self._pages(source, first, last, probe)

    def _secret(self, name: str, where: str) -> str:
        if name not in self.secrets:
            raise SourceError(f"{where}: {name} is not set; set it in the environment or in .env")
        return self.secrets[name]

    def _query(
        self, source: RowSource, first: date | None, last: date | None, probe: bool
    ) -> tuple[list[Row], SourceRef]:
        where = f"database {source.database}"
        limits = QueryLimits(self.settings.timeout, self.settings.max_rows, self.settings.max_bytes)
        days = {"first": first, "after": last + timedelta(days=1)} if first and last else {}
        address = self._secret(source.database or "", where)
        queried = query_rows(address, source.query or "", days, where, limits, FIRST_ROWS if probe else 0)
        content = encode_rows(queried)
        ref = SourceRef(where, self.clock()) if probe else self._store(where, content)
        return list(page_rows(decode_document(content, "json", where), source, where, True)), ref

    def _file(self, source: RowSource, path: Path) -> tuple[list[Row], SourceRef]:
        where = f"file {SafeName(path.name)}"
        try:
            with path.open("rb") as file:
                content = file.read(self.settings.max_bytes + 1)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}; correct `file`") from error
        if len(content) > self.settings.max_bytes:
            raise SourceError(f"{path}: has more than {self.settings.max_bytes:,} bytes; raise max_bytes")
        rows = page_rows(decode_document(content, source.format, where), source, where, True)
        return list(self._within(rows, where)), self._store(where, content)

    def _store(self, where: str, content: bytes) -> SourceRef:
        with open_raw_archive(self.api.folder) as raw:
            raw.add(content)
        return SourceRef(where, self.clock(), raw.sha256)

    def _pages(
        self, source: RowSource, first: date | None, last: date | None, probe: bool
    ) -> tuple[list[Row], SourceRef]:
        url = source.address or ""
        for name, day in (("{first}", first), ("{last}", last)):
            url = url.replace(name, day.isoformat() if day else "")
        where = str(SafeName(url.partition("?")[0], 200))
        headers = {
            name: VARIABLE.sub(lambda match: self._secret(match[1], where), value)
            for name, value in source.headers.items()
        }
        rows: list[Row] = []
        answers: list[ApiAnswer] = []

        def next_page(answer: ApiAnswer) -> str:
            document = decode_document(answer.content, source.format, where)
            shown = page_rows(document, source, where, not answers)
            answers.append(answer)
            rows.extend(shown)
            self._within(rows, where)
            if sum(len(page.content) for page in answers) > self.settings.max_bytes:
                raise SourceError(f"{where}: has more than {self.settings.max_bytes:,} bytes; raise max_bytes")
            there = _next_address(source.next, url, answer, document, len(answers), bool(shown))
            return "" if probe else there

        parameters = {source.next.parameter: source.next.first} if source.next and source.next.rule == "page" else {}
        begin = str(httpx.URL(url).copy_merge_params(parameters)) if parameters else url
        for _ in self.api.pages(begin, {}, next_page, self.settings.page_budget, headers):
            pass
        stored = self.api.store_together(answers)
        return rows, SourceRef(where, stored.at, stored.sha256)

    def _within(self, rows: Sequence[Row], where: str) -> Sequence[Row]:
        if len(rows) > self.settings.max_rows:
            raise SourceError(f"{where}: has more than {self.settings.max_rows:,} rows; raise max_rows")
        return rows


def _next_address(
    rule: NextPage | None, url: str, answer: ApiAnswer, document: object, read: int, has_rows: bool
) -> str:
    """The address of the next page, empty after the last one. It leads to no other place: `DailyApi` sees to that."""
    if rule is None:
        return ""
    if rule.rule == "link":
        return answer.next_page
    if rule.rule == "page":
        number = rule.first + read
        return str(httpx.URL(url).copy_merge_params({rule.parameter: number})) if has_rows else ""
    held = value_at(document, rule.path)
    if held is None or held == "":
        return ""
    if not isinstance(held, str | int) or isinstance(held, bool):
        raise SourceError(f"{SafeName(url, 200)}: {rule.path}: found {SafeName(repr(held), 60)}, wanted a text")
    if rule.rule == "address":
        return str(held)
    return str(httpx.URL(url).copy_merge_params({rule.parameter: str(held)}))


@contextmanager
def open_reader(
    settings: CatalogueSettings, folder: Path, clock: Callable[[], datetime], secrets: Mapping[str, str]
) -> Iterator[RowReader]:
    """A reader that stores what it reads in `folder`."""
    api = DailyApi(folder, clock, settings.contact, settings.timeout, settings.silence, size=settings.max_bytes)
    with api:
        yield RowReader(settings, api, clock, secrets)
