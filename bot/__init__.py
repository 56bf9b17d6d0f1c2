"""Footfall: how many models are on offer, and how many anyone uses.

The map, in the order in which the data goes:

    sources/      one file a network: asks it, and returns records
    ledger.py     keeps what networks said; answers as books (one catalogue, one period)
    metrics.py    one function a metric: a book in, a value or an unknown out
    digest.py     all figures of one network and period, with gaps and refs
    findings.py   true sentences about the figures, ranked by newsworthiness
    archive.py    keeps what we said: digests, editions, receipts
    render.py     digests to words, through templates/; charts.py draws, site pages live in pages.py
    outlets/      one file an outlet: puts posts where people read them
    daily.py      conducts the walk: collect, compose, publish
    cli.py web.py the faces: they ask the archive and the ledger, and compute nothing

Below all of them: config.py (choices and secrets), records.py (the types that walk),
store.py (engine, tables, migrations). Imports go one way; `pyproject.toml` holds the contract.
"""
