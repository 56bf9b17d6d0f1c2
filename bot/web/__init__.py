"""The web face: the archive site, the JSON API, health and metrics.

It asks what the command line asks, at the same desk, and computes nothing. The modules: `api` (questions and how they
are read from an address), `static_site` (files of the site), `monitoring` (health and metrics), `middleware` (what
holds for every answer: headers, limits, errors), `db_thread_pool` (database work, kept off the event loop).
"""

from bot.web.app import WebError, make_application, run_server

__all__ = ["WebError", "make_application", "run_server"]
