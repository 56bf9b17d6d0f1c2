"""Footfall: how many AI models are on offer, and how many of them anyone uses.

The packages and modules, in the order in which the data flows:

    sources/           one package per network: reads it and yields records
    chain/             reads EVM chains from endpoints that are not trusted
    clients/           HTTP and raw archives, with limits on bytes and seconds
    ledger/            stores what networks reported, and answers with period data
    metrics/           one function per metric: period data in, a value or an unknown out
    digest.py          all figures of one network and period, with gaps and references
    document_rules.py  versions of the rules for known and unknown figures, and what older ones leave out
    findings/          true sentences about the figures, ranked by newsworthiness
    archive.py         stores what Footfall published: digests, editions, receipts
    render/            renders digests as text and pages, through templates/
    charts/            draws digests, with alt texts from the same figures
    outlets/           one package per platform: posts, looks back, edits
    deliveries/        each part on its way to one destination: claimed, sent, looked up
    subscriptions/     the servers and members on Discord that Footfall serves
    pipeline/          collect, compose, render, publish
    schedule_times.py  when posts are due
    queries/           one function for each query of a user
    site_builder/      the archive as pages, written into a folder or rendered on demand
    worker/            repeats the pipeline until it is stopped, with background services

The interfaces, which call `queries` and compute nothing:

    cli/               the command line
    web/               the site and the JSON API
    discord_bot/       slash commands
    mcp_server.py      the queries as tools for language models

Shared:

    records/           the types of the data, without input or output
    config/            config.yaml and secrets from the environment
    i18n/              translations
    gc_pause.py        pauses the search for garbage during work that makes none
    lazy_imports.py    imports names of packages at their first use
    number_format.py   how numbers are shown
    plausibility.py    which readings are held
    platform_limits.py limits and prices of platforms
    x_text.py          how X counts a text and what it links
    redaction.py       removes secrets from all output
    logging_setup.py   log lines without secrets
    store/             the database engine and tables; migrations/ beside it
    lake/              single events as Parquet files by day
    dask_executor.py   runs long tasks on a cluster
    process_locks.py   locks between processes on one machine
    leases.py          which of several workers does the work
    database_copy.py   copies one database into another

Imports go one way: the contracts in `pyproject.toml` state the order, and `make check` enforces it.
"""

__version__ = "0.1.0"
"""The version of this code. `CHANGELOG.md` has a section for each; docs/operate.md says how one is made."""
