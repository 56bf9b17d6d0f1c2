"""One page of an answer's list: `limit` rows after the first `offset`, with how many there are in all."""

from __future__ import annotations

from collections.abc import Sequence

from bot.queries.context import ANSWER_ROWS, QueryError
from bot.records import Document

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_OFFSET = 999_999


def require_page(limit: int, offset: int) -> None:
    """Raises `QueryError` for a page that is not served."""
    if not 1 <= limit <= MAX_LIMIT:
        raise QueryError(f"limit: found {limit}, wanted 1 to {MAX_LIMIT:,}")
    if not 0 <= offset <= MAX_OFFSET:
        raise QueryError(f"offset: found {offset}, wanted 0 to {MAX_OFFSET:,}")


def require_number(page: int) -> None:
    """Raises `QueryError` for the number of a page that cannot be."""
    if page < 1:
        raise QueryError(f"page: found {page}, wanted 1 or more")


def numbered_page(count: int, page: int) -> tuple[Document, int]:
    """What an answer says about its page of `ANSWER_ROWS` rows, and how many rows are before it. A page beyond the last
    is the last."""
    pages = max(1, -(-count // ANSWER_ROWS))
    page = min(page, pages)
    place = {"page": page, "pages": pages, "next_page": page + 1 if page < pages else None}
    return place, (page - 1) * ANSWER_ROWS


def page_document(
    document: Document, key: str, rows: Sequence[Document], limit: int, offset: int, total: int | None
) -> Document:
    """An answer with a page of its list under `key`. `total` is `None` where the list is unknown; so is `next_offset`
    after the last page."""
    after = offset + len(rows)
    more = total is not None and rows and after < total
    place = {"total": total, "limit": limit, "offset": offset, "next_offset": after if more else None}
    return {**{name: value for name, value in document.items() if name != key}, **place, key: list(rows)}


def cut_page(document: Document, key: str, limit: int, offset: int) -> Document:
    """A whole answer cut to a page of its list."""
    rows: Sequence[Document] = document[key]
    total = None if not rows and "unknown" in document else len(rows)
    return page_document(document, key, rows[offset : offset + limit], limit, offset, total)
