"""The API's lists: pages, CSV, dates, and the addresses of before there were versions."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import httpx
import pytest

from bot.queries import QueryContext
from bot.queries.registry import API_QUERIES
from bot.web.answer_formats import CSV, JSON, accepted_form
from tests.queries.test_queries import DAYS, FIRST, NEWEST, TWO
from tests.web.test_web import ask, desk, home, raw, served

__all__ = ["ask", "desk", "home"]  # the fixtures

NAMES = {"network": "replicate", "metric": "uses", "model": FIRST, "author": "acme", "category": "image"}
LISTS = {query.address.format_map(NAMES): query.rows for query in API_QUERIES.values() if query.rows}


def _table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize(("path", "rows"), LISTS.items())
def test_the_pages_of_a_list_make_up_the_whole_list(ask: httpx.Client, path: str, rows: str) -> None:
    whole = ask.get(path).json()
    assert whole["next"] is None and whole["offset"] == 0 and whole["total"] == len(whole[rows]) > 0
    pages, address = [], f"{path}?limit=2"
    while address:
        answer = ask.get(address)
        pages.append(answer.json())
        address = pages[-1]["next"]
        assert answer.headers.get("link") == (f'<{address}>; rel="next"' if address else None)
        assert len(pages) <= whole["total"]
    assert [row for page in pages for row in page[rows]] == whole[rows]
    assert all(len(page[rows]) <= 2 and page["total"] == whole["total"] for page in pages)
    beyond = ask.get(f"{path}?offset=999999").json()
    assert (beyond[rows], beyond["next"], beyond["total"]) == ([], None, whole["total"])


@pytest.mark.parametrize("path", LISTS)
def test_a_page_without_bounds_is_refused(ask: httpx.Client, path: str) -> None:
    for parameters, sentence in (
        ("limit=0", "limit: found 0, wanted 1 to 1,000"),
        ("limit=1001", "limit: found 1001, wanted 1 to 1,000"),
        ("limit=all", "limit: found all, wanted a whole number"),
        ("offset=-1", "offset: found -1, wanted a whole number"),
    ):
        answer = ask.get(f"{path}?{parameters}")
        assert answer.status_code == 400 and answer.json()["error"] == {"code": "bad_request", "message": sentence}


def test_a_list_that_is_unknown_has_no_total(ask: httpx.Client) -> None:
    answer = ask.get("/api/v1/idle?days=300").json()
    assert answer["models"] == [] and answer["total"] is None and answer["unknown"]
    (row,) = _table(ask.get("/api/v1/idle.csv?days=300"))
    assert row["unknown"] == answer["unknown"] and row["network"] == "replicate"


@pytest.mark.parametrize(("path", "rows"), LISTS.items())
def test_the_rows_of_a_list_are_the_same_in_csv(ask: httpx.Client, path: str, rows: str) -> None:
    listed = ask.get(path).json()[rows]
    by_suffix = ask.get(f"{path}.csv")
    assert by_suffix.text == ask.get(path, headers={"Accept": CSV}).text
    table = _table(by_suffix)
    assert len(table) == len(listed)
    for row, shown in zip(listed, table, strict=True):
        plain = {key: value for key, value in row.items() if isinstance(value, str | int) and value is not True}
        assert {key: shown[key].removeprefix("'") for key in plain if plain[key] is not False} == {
            key: str(value) for key, value in plain.items() if value is not False
        }


def test_the_state_of_the_sources_has_a_row_for_each_catalogue(ask: httpx.Client) -> None:
    """Networks once had their catalogues as JSON in a cell."""
    rows = _table(ask.get("/api/v1/health.csv"))
    networks = ask.get("/api/v1/health").json()["networks"]
    assert [(row["network"], row["catalogue"]) for row in rows] == [
        (network["network"], each["catalogue"]) for network in networks for each in network["catalogues"]
    ]
    assert rows[0]["title"] == networks[0]["title"]
    assert rows[0]["catalogue_title"] == networks[0]["catalogues"][0]["title"]
    assert not any(cell.startswith(("[", "{")) for row in rows for cell in row.values())


def test_figures_are_a_table_too_and_what_is_unknown_says_why(ask: httpx.Client) -> None:
    table = {row["figure"]: row for row in _table(ask.get("/api/v1/usage.csv"))}
    figures = ask.get("/api/v1/usage").json()["catalogues"][0]["figures"]
    assert list(table) == list(figures)
    for key, figure in figures.items():
        assert table[key]["value"] == ("" if figure["value"] is None else str(figure["value"])), key
        assert table[key]["unknown"] == figure.get("unknown", "") and table[key]["edition"] == "1"
    assert any(row["unknown"] for row in table.values())
    compared = _table(ask.get(f"/api/v1/compare.csv?model={FIRST}&other={TWO}"))
    assert [row["name"] for row in compared] == [FIRST] * 2 + [TWO] * 2


def test_what_is_accepted_decides_and_what_is_neither_is_refused(ask: httpx.Client) -> None:
    for accept, form in {
        "": JSON, "*/*": JSON, "text/*": CSV, "text/csv, application/json": JSON, "text/csv;q=0.9, */*;q=0.1": CSV,
        "application/json;q=0, */*": CSV, "TEXT/CSV; q=1.0": CSV, "text/csv;q=0,*/*": JSON, "text/html,*/*;q=0.8": JSON,
    }.items():  # fmt: skip
        assert accepted_form(accept) == form, accept
    for accept in ("image/png", "text/html", "text/csv;q=0", "*/*;q=0", "text/csv;q=many"):
        refused = ask.get("/api/v1/top", headers={"Accept": accept})
        assert refused.status_code == 406 and refused.json()["error"]["code"] == "not_acceptable", accept
    no_table = ask.get("/api/v1/method/uses", headers={"Accept": CSV})
    assert no_table.status_code == 406
    assert ask.get("/api/v1/method/uses.csv").status_code == 404


def test_a_trend_has_a_first_and_a_last_day(ask: httpx.Client) -> None:
    def days(parameters: str) -> list[str]:
        return [row["day"] for row in ask.get(f"/api/v1/trend/uses?{parameters}").json()["days"]]

    every = [day.isoformat() for day in DAYS[1:]]
    assert days("days=400") == every and days("days=2") == every[-2:]
    assert days(f"since={DAYS[3]}&until={DAYS[5]}") == every[2:5]
    assert days(f"since={DAYS[3]}&days=1") == every[2:]
    assert days(f"until={DAYS[5]}&days=2") == every[3:5]
    assert days("since=2030-01-01") == []
    refused = ask.get(f"/api/v1/trend/uses?since={DAYS[5]}&until={DAYS[3]}")
    assert refused.status_code == 400 and "wanted a day no later than until" in refused.json()["error"]["message"]


def test_models_are_ranked_as_the_digest_ranks_them_and_hidden_names_are_masked(ask: httpx.Client) -> None:
    answer = ask.get("/api/v1/models").json()
    top = ask.get("/api/v1/top").json()["models"]
    ranked = [{key: row[key] for key in top[0]} for row in answer["models"][: len(top)]]
    assert ranked == top and answer["day"] == NEWEST.isoformat()
    assert answer["total"] == len(answer["models"]) >= len(top)


def test_the_csv_of_a_model_is_behind_its_name(desk: QueryContext, home: Path) -> None:
    with served(desk, home) as client:
        assert _table(client.get(f"/api/v1/model/{FIRST}.csv"))[0]["network"] == "replicate"
        missing = client.get("/api/v1/model/nobody.csv")
    assert missing.status_code == 404 and missing.json()["error"]["message"].startswith("nobody: no such model")


def test_the_old_addresses_lead_to_the_first_version(ask: httpx.Client) -> None:
    for old, new in {
        "/api": "/api/v1", "/api/": "/api/v1", "/api/openapi.json": "/api/v1/openapi.json",
        "/api/usage?network=replicate&period=week": "/api/v1/usage?network=replicate&period=week",
        "/api/model/acme%2Ffirst?day=2025-03-04": "/api/v1/model/acme%2Ffirst?day=2025-03-04",
        "/api/replicate/digests": "/api/v1/replicate/digests", "/api/trend/uses?days=4": "/api/v1/trend/uses?days=4",
        "/api/idle?days=3&page=2": "/api/v1/idle?days=3&offset=100", "/api/idle?page=x": "/api/v1/idle?page=x",
    }.items():  # fmt: skip
        answer = raw(ask, old)
        assert (answer.status_code, answer.headers["location"]) == (308, new), old
        assert answer.headers["access-control-allow-origin"] == "*"
    for path in ("/api/nothing", "/api/usage/more", "/api//elsewhere.example/usage"):
        assert raw(ask, path).status_code == 404, path


def test_every_document_says_the_version_of_its_shape(ask: httpx.Client) -> None:
    for path in (*LISTS, "/api/v1", "/api/v1/digest", "/api/v1/nothing", "/api/v1/usage?day=never"):
        assert ask.get(path).json()["schema_version"] == 1, path
