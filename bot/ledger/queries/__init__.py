"""Read-only questions about single models, groups and ranges of days; nothing here writes."""
