"""How the posts read over the whole bundled record: `python -m docs.newsroom` writes `docs/newsroom.md`.

Every day, week and month of the record goes through the real pipeline, which takes some minutes, so `docs.generate`
leaves this page out. The movers are counted here from the counters of the record, not taken from the findings.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from textwrap import fill

from bot import findings, ledger, pipeline
from bot.cli.app_context import AppContext
from bot.cli.process_pool import open_pool
from bot.i18n import LANGUAGES
from bot.i18n.translator import FIRST_STRONG, POP
from bot.records import Document, PeriodName
from bot.render import PostRenderOptions, build_post
from bot.sources.replicate.record_files import BUNDLED, record_snapshots
from bot.x_text import weighted_length

PAGE = Path(__file__).parent / "newsroom.md"
ONE = timedelta(days=1)
LARGE = 0.1
"""A mover of this part of all use of its day is named in the post of the day, in every language."""
MOST_STANDING = 0.25
"""Most of the known days that may open with what is always true."""
STRONGEST, QUIET = 30, 10
FORMS_WITHOUT_NEWS = ("standing", "ladder")
_NUMBERS = re.compile(r"[\d.,\u00a0\u202f\u066b\u066c]+")
_SENTENCE_END = re.compile(r"[.](?=\s)|。|\n")


@dataclass(frozen=True, slots=True)
class Mover:
    """The model with the largest absolute change against the day before."""

    model: str
    before: int
    uses: int | None
    """`None` if it left the list."""
    share: float
    """The change without its sign, divided by all use of the day."""


@dataclass(frozen=True, slots=True)
class DayPost:
    """A digest with its posts on X."""

    document: Document
    texts: Mapping[str, str]
    """Language to the text, without the marks of its direction."""

    @property
    def day(self) -> date:
        return date.fromisoformat(self.document["day"])

    @property
    def lead(self) -> findings.Lead:
        return findings.lead_of(self.document)

    @property
    def score(self) -> float:
        """The score of the finding that leads; 0 if none does."""
        return float(self.lead.finding["score"]) if self.lead.finding else 0.0

    def opening(self, language: str) -> str:
        """The first sentence."""
        return _SENTENCE_END.split(self.texts[language], maxsplit=1)[0]


@contextmanager
def composed_record(record: Path = BUNDLED, names: Sequence[PeriodName] = ("day",)) -> Iterator[list[Document]]:
    """The digests of every covered period of a record, oldest first, from a database that is thrown away after."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        settings = f"data: {folder}/data\nout: {folder}/out\nnetworks:\n  replicate: {{record: {record}}}\n"
        config.write_text(settings, encoding="utf-8")
        parts = AppContext(config)
        plan = parts.network_plan("replicate")
        pipeline.collect(parts.store, plan.network, parts.make_source(plan.network), None, lambda line: None)
        periods = [period for name in names for period in pipeline.covered_periods(parts.store, plan, name)]
        with open_pool(config) as pool:
            yield list(pool.compose(plan.network, periods))
        parts.close()


def render_posts(documents: Iterable[Document]) -> list[DayPost]:
    """The posts of digests in every language."""

    def text(document: Document, language: str) -> str:
        return build_post(document, "x", PostRenderOptions(language)).parts[0]

    return [DayPost(document, {spoken: text(document, spoken) for spoken in LANGUAGES}) for document in documents]


def largest_movers(record: Path = BUNDLED) -> dict[date, Mover]:
    """Day to its largest mover, for each day whose use and that of the day before are known. The use of a model is the
    difference of its counters at the end of two days; a model that is not listed at both has none."""
    counters: dict[date, dict[str, int]] = {}
    for snapshot in record_snapshots(record):
        if (day := ledger.closed_day(snapshot.at)) is not None:
            counters.setdefault(day, {str(reading.model): reading.count for reading in snapshot.readings})
    used: dict[date, dict[str, int]] = {}
    for day, here in counters.items():
        if (before := counters.get(day - ONE)) is not None:
            used[day] = {model: here[model] - count for model, count in before.items() if here.get(model, 0) > count}
    movers: dict[date, Mover] = {}
    for day, now in used.items():
        if (then := used.get(day - ONE)) and now:
            changes = {model: now.get(model, 0) - then.get(model, 0) for model in sorted({*now, *then})}
            model = max(changes, key=lambda model: abs(changes[model]))
            share = abs(changes[model]) / sum(now.values())
            uses = now.get(model, 0) if model in counters[day] else None
            movers[day] = Mover(model, then.get(model, 0), uses, share)
    return movers


def known_posts(posts: Iterable[DayPost]) -> list[DayPost]:
    """The posts of days with a known headline."""
    return [post for post in posts if post.lead.form != "unknown"]


def missing_movers(posts: Sequence[DayPost], movers: Mapping[date, Mover]) -> list[str]:
    """Where a post does not name a large mover: day, language, model."""
    large = ((post, mover) for post in posts if (mover := movers.get(post.day)) and mover.share >= LARGE)
    return [
        f"{post.day} {language}: {mover.model}"
        for post, mover in large
        for language, text in post.texts.items()
        if mover.model not in text
    ]


def repeated_openings(posts: Sequence[DayPost]) -> list[str]:
    """Where a post opens as that of the day before did, numbers apart: day, language, opening."""
    neighbours = [pair for pair in pairwise(known_posts(posts)) if pair[1].day - pair[0].day == ONE]
    return [
        f"{post.day} {language}: {post.opening(language)}"
        for before, post in neighbours
        for language in post.texts
        if _NUMBERS.sub("", post.opening(language)) == _NUMBERS.sub("", before.opening(language))
    ]


def broken_rules(posts: Sequence[DayPost], movers: Mapping[date, Mover]) -> list[str]:
    """Every rule of `docs/newsroom.md` that a post breaks, as one line each; empty if all hold."""
    broken = [f"does not name its mover: {line}" for line in missing_movers(posts, movers)]
    broken += [f"opens as the day before: {line}" for line in repeated_openings(posts)]
    for post in posts:
        figures = post.document["catalogues"][0]["figures"]
        counts = [figures[key]["value"] for key in ("models_used", "models_listed")]
        for language, text in post.texts.items():
            plain = re.sub(r"[.,\u00a0\u202f]", "", text)
            if weighted_length(text) > 280:
                broken.append(f"is too long: {post.day} {language}")
            if post.lead.form != "unknown" and not all(str(count) in plain for count in counts):
                broken.append(f"does not say how many of how many models were used: {post.day} {language}")
    known = known_posts(posts)
    standing = sum(post.lead.form in FORMS_WITHOUT_NEWS for post in known)
    if standing > MOST_STANDING * len(known):
        broken.append(f"{standing} of {len(known)} days open with what is always true")
    return broken


def page(posts: Sequence[DayPost], movers: Mapping[date, Mover]) -> str:
    """The page in Markdown."""
    known = known_posts(posts)
    ranked = sorted(known, key=lambda post: (-post.score, post.day))
    quiet = [post for post in reversed(ranked) if post.lead.form in FORMS_WITHOUT_NEWS]
    standing, repeats = len(quiet), repeated_openings(posts)
    first, last = known[0].day, known[-1].day
    intro = (
        f"Every day of the bundled record of Replicate, {first} to {last}, as a post on X: {len(known)} days with "
        "known use, composed by the real pipeline. `python -m docs.newsroom` makes this page, and "
        "`tests/test_newsroom.py` checks that it is current and that the rules hold."
    )
    rules = (
        f"* {standing} of {len(known)} days ({standing / len(known):.1%}) open with what is always true; at most "
        f"{MOST_STANDING:.0%} may.\n"
        f"* Posts that open as the one of the day before did, numbers apart, in any of {len(LANGUAGES)} languages: "
        f"{len(repeats)}.\n"
        f"* Days with a mover of {LARGE:.0%} or more that a post does not name, in any language: "
        f"{len({line.split()[0] for line in missing_movers(posts, movers)})} of {len(_large(posts, movers))}."
    )
    sections = [
        "# Eighteen months of posts",
        fill(intro, 99),
        "## Rules",
        "\n".join(fill(line, 99, subsequent_indent="  ") for line in rules.splitlines()),
        "## What posts open with",
        _forms_table(known),
        "## Scores of findings",
        _score_table(known),
        f"## Days with a mover of {LARGE:.0%} or more",
        fill("A mover is the model with the largest change against the day before, divided by all use of the day.", 99),
        _mover_table(posts, movers),
        "## Openings that repeat",
        "\n".join(f"* {line}" for line in repeats) or "None.",
        f"## The {STRONGEST} strongest days",
        *map(_shown, sorted(ranked[:STRONGEST], key=lambda post: post.day)),
        f"## {QUIET} quiet days",
        *map(_shown, sorted(quiet[:QUIET], key=lambda post: post.day)),
    ]
    return "\n\n".join(sections) + "\n"


def _large(posts: Sequence[DayPost], movers: Mapping[date, Mover]) -> list[tuple[DayPost, Mover]]:
    return [(post, mover) for post in posts if (mover := movers.get(post.day)) and mover.share >= LARGE]


def _forms_table(known: Sequence[DayPost]) -> str:
    forms = Counter(post.lead.form for post in known)
    keys = Counter((post.lead.form, post.lead.finding["key"]) for post in known if post.lead.finding)
    rows = ["| form | days | share | findings |", "|---|---:|---:|---|"]
    for form, days in forms.most_common():
        kinds = ", ".join(f"`{key}` {count}" for (of, key), count in keys.most_common() if of == form)
        rows.append(f"| {form} | {days} | {days / len(known):.1%} | {kinds} |")
    return "\n".join(rows)


def _score_table(known: Sequence[DayPost]) -> str:
    scores = Counter(int(10 * f["score"]) for post in known for f in post.document["catalogues"][0]["findings"])
    leads = Counter(int(10 * post.score) for post in known if post.lead.finding)
    rows = ["| score | findings | leads |", "|---|---:|---:|"]
    return "\n".join(
        [*rows, *(f"| {n / 10:.1f} to {(n + 1) / 10:.1f} | {scores[n]} | {leads[n]} |" for n in range(10))]
    )


def _mover_table(posts: Sequence[DayPost], movers: Mapping[date, Mover]) -> str:
    rows = ["| day | mover | before | on the day | size | named in |", "|---|---|---:|---:|---:|---|"]
    for post, mover in _large(posts, movers):
        named = ", ".join(language for language, text in post.texts.items() if mover.model in text)
        uses = "left the list" if mover.uses is None else f"{mover.uses:,}"
        rows.append(f"| {post.day} | {mover.model} | {mover.before:,} | {uses} | {mover.share:.1%} | {named} |")
    return "\n".join(rows)


def _shown(post: DayPost) -> str:
    kind = post.lead.finding["key"] if post.lead.finding else "nothing happened"
    text = post.texts["en"].replace(FIRST_STRONG, "").replace(POP, "")
    return f"**{post.day:%A}, {post.day}** ({post.lead.form}: {kind}, {post.score:.2f})\n\n```text\n{text}\n```"


def main() -> int:
    """Write the page, and say which rules are broken."""
    with composed_record() as documents:
        posts, movers = render_posts(documents), largest_movers()
    PAGE.write_text(page(posts, movers), encoding="utf-8")
    broken = broken_rules(posts, movers)
    for line in broken:
        print(f"docs/newsroom: {line}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
