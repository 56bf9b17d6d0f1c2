"""Digests to words, through `templates/`. Nothing is computed here: a number that no figure backs is refused."""
