"""Footfall: how many AI models are on offer, and how many of them anyone uses.

The packages and modules, in the order in which the data flows:

    sources/           one package a network: reads it and yields records
    chain/             reads EVM chains from endpoints that are not trusted
    clients/           HTTP and raw archives, with limits on bytes and seconds
    ledger/            stores what networks said, and answers with period data
    metrics/           one function a metric: period data in, a value or an unknown out
    digest.py          all figures of one network and period, with gaps and references
    document_rules.py  which rules a digest was made by, and what older rules leave out
    findings/          true sentences about the figures, ranked by newsworthiness
    archive.py         stores what Footfall published: digests, editions, receipts
    render/            digests to words and pages, through templates/
    charts/            digests to pictures, with alt texts from the same figures
    outlets/           one package a platform: posts, looks back, edits
    deliveries/        each part on its way to one destination: claimed, sent, looked up
    subscriptions/     the servers and members on Discord that Footfall serves
    pipeline/          conducts all of this: collect, compose, render, publish
    schedule_times.py  when posts go out
    queries/           one function for each question that a user can ask
    worker/            repeats the pipeline until it is stopped, with services beside it

The interfaces, which ask `queries` and compute nothing:

    cli/               the command line
    web/               the site and the JSON API
    discord_bot/       slash commands
    site_builder.py    the archive as a folder of pages

What these share:

    records/           the types that flow, without input or output
    config/            config.yaml and secrets from the environment
    i18n/              translations
    number_format.py   how numbers are shown
    plausibility.py    which readings are held back
    platform_limits.py what platforms allow and charge
    x_text.py          how X counts a text and what it links
    redaction.py       how secrets are kept out of everything that is written
    logging_setup.py   log lines without secrets
    store/             the database engine and tables; migrations/ beside it
    lake/              single events as Parquet files by day
    dask_executor.py   runs long tasks on a cluster
    process_locks.py   locks between processes on one machine
    leases.py          which of several workers does what
    database_copy.py   copies one database into another

Imports go one way: the contracts in `pyproject.toml` state the order, and `make check` enforces it.
"""
