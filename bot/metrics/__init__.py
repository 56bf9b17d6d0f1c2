"""One pure function per metric: period data in, a value or an unknown out. No clock, no network, no database.

`inventory` counts what is on offer, `usage` how much is used, `model_activity` how many models are used,
`concentration` how unevenly; `supply_demand` compares supply and demand, `verification` counts proofs and payers, and
`panels` what is neither models nor use. Every function marked `@metric` is in every digest.
`group_tables` applies some of them to each category and author.
"""

# Importing registers, and the order of registration is the order in which a digest shows its figures.
# isort: off
from bot.metrics import inventory, usage, model_activity, concentration, supply_demand, verification, panels

# isort: on
from bot.metrics.groups import GroupTable, MetricGroup, group_tables
from bot.metrics.registry import (
    METRICS,
    Amount,
    Figure,
    FigureDocument,
    Metric,
    Value,
    compute_figures,
    metric_label,
    metric_unit,
    value_document,
)

NOUNS = (inventory, usage, model_activity, concentration, supply_demand, verification, panels)
"""The modules that hold metrics, in the order of the digest."""
