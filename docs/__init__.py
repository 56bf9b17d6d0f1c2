"""Pages by hand, and those made from the registries by `docs.generate`."""
