"""The archive site: which files it has, what each depends on, and how they get into a folder or an answer.

The rule: a page is rendered by its group alone (`groups`), so it is the same bytes in the site's folder (`write_site`)
and on demand (`OnDemandSite`). `digest_pages`, `network_pages`, `history_tables`, `data_releases` and `front_pages`
are the kinds of files, `pages` puts them together, `writer` and `folder` write what changed, `on_demand` renders what
is asked for. Words and layout are in `bot.render`.
"""

from bot.site_builder.folder import DiskError, make_readable_parents
from bot.site_builder.groups import FileGroup, Section, SiteBuild, render_groups
from bot.site_builder.on_demand import OnDemandSite, SiteFile
from bot.site_builder.pages import find_group, open_build, site_groups
from bot.site_builder.writer import update_site, write_site

__all__ = [
    "DiskError",
    "FileGroup",
    "OnDemandSite",
    "Section",
    "SiteBuild",
    "SiteFile",
    "find_group",
    "make_readable_parents",
    "open_build",
    "render_groups",
    "site_groups",
    "update_site",
    "write_site",
]
