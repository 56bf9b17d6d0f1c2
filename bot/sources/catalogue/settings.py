"""The blocks of `config.yaml` that describe a list of your own."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from bot.config import ConfigModel, HeadlineConfig, PublicApiConfig, on_this_machine
from bot.records import SafeName

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
"""An environment variable in the value of a header."""
_FIXED_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "if-none-match", "user-agent"})
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def _require_plain_text(text: str) -> str:
    if str(SafeName(text)) != text:
        raise ValueError("wanted a text without control characters or double blanks, at most 100 characters")
    return text


def _require_no_digit(text: str) -> str:
    if any(character.isdigit() for character in text):
        raise ValueError("wanted a name without digits: in a post, every digit is a figure's")
    return text


PlainText = Annotated[str, AfterValidator(_require_plain_text)]


def _require_query(text: str) -> str:
    words = _COMMENT.sub(" ", text).strip().rstrip(";").strip()
    if not re.match(r"(?i)(select|with)\b", words) or ";" in words:
        raise ValueError("wanted one query that begins with SELECT or WITH, without `;` in it")
    return words


class NextPage(ConfigModel):
    """How a list goes on after its first page."""

    rule: Literal["link", "address", "token", "page"] = Field(
        description="`link`: the header `Link` names the next page; `address`: the answer does, under `path`; `token`: "
        "the answer has a token under `path` that `parameter` carries; `page`: `parameter` counts up until a page is "
        "empty"
    )
    path: str = Field("", max_length=200, description="where the answer has the next address or token, such as `next`")
    parameter: str = Field("", max_length=100, description="the parameter of the address that holds token or page")
    first: int = Field(1, ge=0, description="for `page`: the number of the first page")

    @model_validator(mode="after")
    def _has_its_keys(self) -> NextPage:
        wanted = {"link": (), "address": ("path",), "token": ("path", "parameter"), "page": ("parameter",)}[self.rule]
        if missing := [key for key in wanted if not getattr(self, key)]:
            raise ValueError(f"wanted {' and '.join(missing)} with rule: {self.rule}")
        return self


class RowSource(ConfigModel):
    """Where rows come from: exactly one of `address`, `file` and `database`."""

    address: str | None = Field(
        None,
        description="an address that answers with JSON or CSV: https, or http if no header is sent or on this machine; "
        "`{first}` and `{last}` in it become the first and last day that is read",
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="headers of the request; each value names an environment variable: `Bearer ${REGISTRY_TOKEN}`",
    )
    next: NextPage | None = Field(None, description="how the list goes on after its first page")
    file: Path | None = Field(None, description="a file with JSON or CSV")
    format: Literal["json", "jsonl", "csv"] = Field(
        "json", description="form of address or file: JSON, one JSON object in each line, or CSV with a line of heads"
    )
    rows: str = Field("", max_length=200, description="where the rows are in the JSON, such as `data.items`")
    database: str | None = Field(
        None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="the environment variable with the database's address, such as `postgresql://user:password@host/name`",
    )
    query: Annotated[str, AfterValidator(_require_query)] | None = Field(
        None, description="the SQL query; `:first` and `:after` are the first day and the day after the last one"
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> RowSource:
        given = [key for key in ("address", "file", "database") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"found {' and '.join(given) or 'none'}, wanted one of address, file and database")
        if (self.database is None) != (self.query is None):
            raise ValueError("wanted database and query together")
        if self.address is None and (self.headers or self.next):
            raise ValueError("headers and next are for an address")
        if self.format != "json" and (self.rows or self.database):
            raise ValueError("format: wanted json with rows or a database")
        if self.address is not None:
            self._check_address(self.address)
        return self

    def _check_address(self, address: str) -> None:
        parts = urlsplit(address)
        if not parts.hostname or "@" in parts.netloc or parts.fragment or "${" in address:
            raise ValueError("address: wanted https://host/path, without user name; put secrets into headers")
        private = parts.scheme == "https" or on_this_machine(parts.hostname)
        if parts.scheme not in ("http", "https") or (self.headers and not private):
            raise ValueError("address: wanted https (http:// only without headers, or on this machine)")
        for name, value in self.headers.items():
            if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", name) or name.lower() in _FIXED_HEADERS:
                raise ValueError(f"headers.{SafeName(name, 60)}: is no header that can be set")
            if not VARIABLE.search(value) or not (value.isascii() and value.isprintable()):
                raise ValueError(f"headers.{name}: wanted the environment variable that holds it, such as ${{TOKEN}}")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment variables that it reads."""
        in_headers = [name for value in self.headers.values() for name in VARIABLE.findall(value)]
        return (*in_headers, *([self.database] if self.database else []))


class ModelKeys(ConfigModel):
    """Which part of a row is what. A key may be a path: `owner.name`."""

    name: str = Field("name", min_length=1, description="the name that identifies the model")
    author: str | None = Field(None, description="whose it is; by default what stands before a `/` in the name")
    category: str | None = Field(None, description="its category")
    created: str | None = Field(None, description="when it was made: ISO 8601, or seconds or milliseconds since 1970")
    counter: str | None = Field(None, description="how often it was used since it was made; never counts down")


class UseKeys(ConfigModel):
    """Which part of a row of use is what."""

    name: str = Field("name", min_length=1, description="the model's name, as the list has it; empty: none is named")
    day: str = Field("day", min_length=1, description="the UTC day, or an instant of it")
    uses: str = Field("uses", min_length=1, description="how often it was used; several rows of a day are added up")


class ModelRows(RowSource):
    """The list of models on offer now."""

    keys: ModelKeys = Field(ModelKeys.model_validate({}), description="which part of a row is what")


class UseRows(RowSource):
    """The use of closed days."""

    keys: UseKeys = Field(UseKeys.model_validate({}), description="which part of a row is what")
    since: date | None = Field(None, description="the first day of the history; a first start reads it by month")
    reread: int = Field(3, ge=1, le=60, description="closed days that are read again each day")
    without_rows: Literal["unknown", "zero"] = Field(
        "unknown", description="what a closed day without any row is; `zero` only after a day that is known"
    )


class CatalogueSettings(PublicApiConfig):
    """A block under `networks` with `kind: catalogue`."""

    several: ClassVar[bool] = True

    kind: str = Field("catalogue", description="`catalogue`; the block may then have any name")
    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="models", figure="models_used"), description="the figure the post opens with"
    )
    title: Annotated[PlainText, AfterValidator(_require_no_digit)] = Field(
        min_length=1, max_length=60, description="the name in words, as posts show it; without digits"
    )
    lists: str = Field("models", pattern=r"^[A-Za-z][A-Za-z ]{0,38}[a-z]$", description="what it lists, in the plural")
    unit: str = Field(
        "uses",
        pattern=r"^[a-z][a-z ]{0,28}s$",
        description="what one use is called, in the plural; runs, inferences, tokens, downloads, pulls, requests and "
        "uses are translated",
    )
    about: PlainText = Field("", description="one sentence about it, for `about`")
    source: PlainText = Field("", description="who states the numbers; named beneath every post")
    licence: PlainText = Field("", description="under which licence `source` gives them")
    models: ModelRows = Field(description="the list of models on offer now")
    uses: UseRows | None = Field(None, description="use by day; unset if `models` has a counter")
    max_rows: int = Field(100_000, ge=1, le=1_000_000, description="most rows of one reading")
    max_bytes: int = Field(64 * 2**20, ge=1024, le=2**30, description="most bytes of one reading")
    page_budget: int = Field(1000, ge=1, le=10_000, description="most pages of a list in one reading")

    @model_validator(mode="after")
    def _counts_once(self) -> CatalogueSettings:
        if (self.models.keys.counter is None) == (self.uses is None):
            raise ValueError("wanted either models.keys.counter or uses, to know how often a model was used")
        if self.licence and not self.source:
            raise ValueError("licence: wanted source with it")
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment variables that headers and databases name."""
        return (*self.models.secret_names, *(self.uses.secret_names if self.uses else ()))
