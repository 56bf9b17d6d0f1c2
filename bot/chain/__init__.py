"""Generic reading of EVM chains from endpoints that are not trusted; it knows no network."""
