"""Read-only queries about single models, groups and ranges of days; nothing here writes."""
