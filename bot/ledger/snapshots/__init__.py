"""Networks that publish totals: snapshots are stored as they came, and usage is the difference of two readings."""
