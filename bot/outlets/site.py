"""The archive site: a folder of plain files (HTML, CSS, JSON, CSV, feeds) that any web server can serve, or that
`python -m bot web` serves with an API beside it.

A new version is completed beside the old one and takes its place in one step, so that nobody ever sees half a site.
Files that did not change are hard links to those of the old version, so only the others are rendered and take space
(`bot/site_builder/folder.py`).
"""

from __future__ import annotations

from pydantic import Field

from bot import config

TITLE = "Archive site"
SECRETS: tuple[str, ...] = ()


class SiteSettings(config.OutletConfig):
    """The block `outlets.site` of `config.yaml`."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#/@]+(/[^\s?#]*)?)?$",
        description="public address of the site, for the links in feeds, which are relative without it, and for "
        "the links from posts and answers on Discord to their pages; with it, pages have pictures for link previews",
    )
    operator: str = Field("", max_length=300, description="who runs the site, shown on its page about itself")
    licence: str = Field(
        "", max_length=200, description="licence of the site's own texts, pictures and tables, such as CC BY 4.0"
    )
    model_pages: int = Field(
        100,
        ge=0,
        le=5000,
        description="models of each list whose pages are written: those that were among so many most used on any day "
        "in a digest, with their authors and categories; 0 writes none",
    )
    every_model: bool = Field(
        False,
        description="whether every model has a page that is linked, listed and found: then none is written, and "
        "`python -m bot web` must serve the site",
    )


Settings = SiteSettings
