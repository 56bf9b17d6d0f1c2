"""Networks that publish totals: snapshots are kept as they came, and usage is the difference of two."""
