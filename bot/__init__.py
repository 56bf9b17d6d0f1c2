"""Footfall: how many models are on offer, and how many anyone uses.

The map, in the order in which the data goes:

    sources/         one file a network: asks it, and returns records
    ledger/          keeps what networks said; answers as books (one catalogue, one period)
    metrics/         one function a metric: a book in, a value or an unknown out
    digest.py        all figures of one network and period, with gaps and refs
    rules.py         by which rules a digest tells what is known, and what earlier ones would have told
    findings/        true sentences about the figures, ranked by newsworthiness
    archive.py       keeps what we said: digests, editions, receipts
    render/          digests to words and pages, through templates/
    charts/          digests to pictures, with the same facts in words
    outlets/         one file an outlet: puts posts where people read them
    deliveries/      each part on its way to one destination: claimed, sent, asked after
    daily/           conducts the walk: collect, compose, publish
    schedule.py      when posts go out
    worker/          rounds of all that, on a tick, until it is told to stop
    answers/         what any face is asked, looked up
    archive_site.py  the archive as pages
    cli/ web/        the faces: they ask, and compute nothing

Below all of them: config/ (choices and secrets), records/ (the types that walk), words/ (what we say, in each
language), numbers.py (how numbers are shown), plausibility.py (which readings are held), limits.py (what platforms
allow and charge), x_text.py (how X counts a text and what it links), logs.py (lines without secrets), lake/ (single
events as Parquet by day, and days added up), executor.py (a cluster that does what takes long), store/ (engine, tables;
the migrations lie beside it), leases.py (which of several workers does what), presence.py (which of them are alive),
transfer.py (one database copied into another). Imports go one way; `pyproject.toml` holds them to it.
"""
