"""The web interface: the archive site, the JSON API, health and metrics.

The rule: HTTP only. Answers come from `queries`, as on the command line and in Discord; nothing is computed here.

`app` puts the server together, `api` reads queries from an address, `static_site` serves the site's files and
`rendered_site` the same pages from the database (`site_responses`: what both send), `compression` makes texts smaller,
and `monitoring` has health and metrics. `server` accepts connections, `connections` has those that are open, and
`rate_limit` counts requests. `middleware` has what all share: headers, errors, ETags, and threads for the database.
"""

from bot.web.app import WebError, make_application, make_monitoring, run_server
