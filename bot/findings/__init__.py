"""True sentences about a digest's figures, ranked by newsworthiness; templates word them.

`extremes` and `time_series` compare a figure with its own past, `network_changes` the whole network with the days
before. `model_counts` counts models by what became of them. `movers`, `week_moves`, `top_ten` and `model_activity`
look at single models, `proven_uses` at proven use that names no model, `period_changes` compares weeks and months,
`supply_demand` supply and demand. `lead` chooses the finding that a digest opens with, `series` collects what its
picture shows, `changes` what stands beside its figures, and `ranking` ranks: it calls every function marked
`@looks_at` for every digest of its periods. Pure: period data and a document in.
"""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.findings.changes import figure_changes, is_unknown_day, unknown_before
    from bot.findings.lead import Lead, LeadDocument, LeadForm, choose_lead, find_in, lead_of, other_news
    from bot.findings.ranking import KINDS, MOST, Finding, finding_holds, rank_findings
    from bot.findings.series import RANK_DAYS, lead_series, period_series, rank_series
else:
    __getattr__ = lazy_attributes(__name__, __file__)
