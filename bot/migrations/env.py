"""Alembic's way in; `store.Store.migrate` hands it an open connection."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
