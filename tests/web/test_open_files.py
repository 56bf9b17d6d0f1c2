"""Files of the site that are replaced while they are sent, or that nobody reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.web import connections, middleware
from bot.web.open_files import FileTags, open_file
from tests.web.test_connections import everything, running, until

LARGE = 64 * 1024 * 1024


def test_the_tag_is_that_of_the_bytes_when_the_folder_is_replaced_meanwhile(tmp_path: Path) -> None:
    page, other = tmp_path / "index.html", tmp_path / "new.html"
    page.write_bytes(b"old")
    other.write_bytes(b"new and longer")
    for most in (0, 100):
        file = open_file(page, FileTags(), most)
        os.link(other, tmp_path / "swap")
        os.replace(tmp_path / "swap", page)
        assert file
        with file.handle:
            content = file.content if most else file.handle.read()
        assert content and file.tag == middleware.content_tag(content) and file.size == len(content)


def test_a_tag_is_not_taken_over_by_other_content_of_the_same_size_and_time(tmp_path: Path) -> None:
    page, tags = tmp_path / "index.html", FileTags()
    seen = set()
    for content in (b"one", b"two"):
        page.write_bytes(content)
        os.utime(page, ns=(1, 1))
        file = open_file(page, tags, 100)
        assert file
        file.handle.close()
        seen.add(file.tag)
    assert len(seen) == 2


def test_a_large_file_that_nobody_reads_is_cut_off(tmp_path: Path) -> None:
    """The kernel sent files by itself, so no deadline ran."""
    (tmp_path / "index.html").write_text("a page")
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate(LARGE)
    request = b"GET /large.csv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with running(site=tmp_path) as server:
        assert everything(server.connect(request)).count(b"\0") == LARGE
        with server.connect(request):
            until(lambda: server.is_stalled)
            server.pass_time(connections.STALLED_SECONDS + 1)
            assert server.server.table.closed["slow"] == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "*"}, None),
        ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
        ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:01 GMT"}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
    ],
)
def test_conditions_are_those_of_http(tmp_path: Path, headers: dict[str, str], status: int | None) -> None:
    (tmp_path / "a.txt").write_bytes(b"text")
    os.utime(tmp_path / "a.txt", ns=(1_500_000_000, 1_500_000_000))
    file = open_file(tmp_path / "a.txt", FileTags(), 0)
    assert file
    with file.handle:
        response = file.respond_early(make_mocked_request("GET", "/a.txt", headers=headers), {})
    assert (response and response.status) == status
