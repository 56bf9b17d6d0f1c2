"""Files of the site that are replaced while they are sent, or that nobody reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.web import connections, middleware
from bot.web.file_versions import FileTags, find_version
from tests.web.test_connections import everything, running, until

LARGE = 64 * 1024 * 1024


def test_the_tag_is_that_of_the_bytes_when_the_folder_is_replaced_meanwhile(tmp_path: Path) -> None:
    page, other = tmp_path / "index.html", tmp_path / "new.html"
    page.write_bytes(b"old")
    other.write_bytes(b"new and longer")
    for most in (0, 100):
        file = find_version(page, FileTags(), most)
        os.link(other, tmp_path / "swap")
        os.replace(tmp_path / "swap", page)
        assert file and file.tag == middleware.content_tag(b"old") and file.size == 3
        assert file.content == (b"old" if most else None)
        with pytest.raises(ConnectionError):
            file._read(0, 3)
        page.unlink()
        page.write_bytes(b"old")


def test_a_tag_is_not_taken_over_by_other_content_of_the_same_size_and_time(tmp_path: Path) -> None:
    page, tags = tmp_path / "index.html", FileTags()
    seen = set()
    for content in (b"one", b"two"):
        page.write_bytes(content)
        os.utime(page, ns=(1, 1))
        file = find_version(page, tags, 100)
        assert file
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


def test_a_link_to_an_unchanged_file_breaks_no_download_off(tmp_path: Path) -> None:
    """Each update of the site links the files that stay into a new folder and removes the old one."""
    (tmp_path / "index.html").write_text("a page")
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate(LARGE)
    request = b"GET /large.csv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with running(site=tmp_path) as server, server.connect(request) as client:
        until(lambda: server.is_stalled)
        os.link(tmp_path / "large.csv", tmp_path / "kept.csv")
        (tmp_path / "kept.csv").unlink()
        assert everything(client).count(b"\0") == LARGE


def test_a_file_that_cannot_be_opened_any_more_breaks_the_answer_off(tmp_path: Path) -> None:
    """A second response once followed in the body."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "index.html").write_text("a page")
    with (folder / "large.csv").open("wb") as large:
        large.truncate(LARGE)
    with running(site=tmp_path) as server:
        with server.connect(b"GET /folder/large.csv HTTP/1.1\r\nHost: x\r\n\r\n") as client:
            until(lambda: server.is_stalled)
            folder.rename(tmp_path / "moved")
            folder.write_text("no folder")
            received = everything(client)
        assert received.count(b"HTTP/1.1") == 1 and 0 < received.count(b"\0") < LARGE


def test_a_download_breaks_off_where_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("a page")
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate(LARGE)
    (tmp_path / "next.csv").write_bytes(b"1" * LARGE)
    with running(site=tmp_path) as server:
        with server.connect(b"GET /large.csv HTTP/1.1\r\nHost: x\r\n\r\n") as client:
            until(lambda: server.is_stalled)
            os.replace(tmp_path / "next.csv", tmp_path / "large.csv")
            received = everything(client)
        assert 0 < received.count(b"\0") < LARGE and b"11" not in received.partition(b"\r\n\r\n")[2]


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
    file = find_version(tmp_path / "a.txt", FileTags(), 0)
    assert file
    response = file.respond_early(make_mocked_request("GET", "/a.txt", headers=headers), {})
    assert (response and response.status) == status
