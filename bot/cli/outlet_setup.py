"""Opens outlets for one command, from the configuration and the keys in the environment."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from bot import outlets, pipeline
from bot.cli.app_context import AppContext, UsageError, clock
from bot.deliveries import Delivery, OutboxPass, OutletHandle
from bot.outlets import Found, NotFound, Outcome, OutletError, Part, Refused, RetryLater, Sent, Timed
from bot.records import CheckResult, FootfallError, PeriodName
from bot.store import StoreError
from bot.subscriptions import MISSES, ChannelSubscriptions, ModelWatches, Subscription, is_over, record_miss
from bot.subscriptions.model_watches import OUTLET

SITE, DISCORD = "site", "discord"
DISK_PAUSE = timedelta(minutes=5)
"""Wait before writing the site again after the disk or the database refused."""

log = logging.getLogger(__name__)


def outlet_targets(
    parts: AppContext, only: Collection[str] = (), destinations: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Each enabled outlet (or those in `only`) with its destinations (or those in `destinations`). The site comes last,
    because it shows the receipts of the others."""
    configured = {name: block for name, block in parts.settings.config.outlets.items() if block.enabled}
    for name in only:
        if name not in configured:
            known = ", ".join(configured) or "none"
            raise UsageError(f"outlets.{name}: not configured in {parts.path}, or not enabled; configured: {known}")
    targets: dict[str, tuple[str, ...]] = {}
    for name in sorted(only or configured, key=lambda name: (name == SITE, name)):
        places = (SITE,) if name == SITE else configured[name].destinations
        targets[name] = tuple(place for place in places if not destinations or place in destinations)
    return targets


@contextmanager
def open_outlets(parts: AppContext, names: Collection[str]) -> Iterator[tuple[Mapping[str, OutletHandle], list[str]]]:
    """The outlets that can post, and one line for each that cannot. Closes them at the end."""
    outlet_handles: dict[str, OutletHandle] = {}
    problems: list[str] = []
    try:
        for name in names:
            try:
                outlet_handles[name] = _open_outlet(parts, name)
            except OutletError as error:
                problems.append(str(error))
        if DISCORD in outlet_handles:  # direct messages to members, by the same bot
            from bot.outlets.discord import DiscordOutlet
            from bot.outlets.discord.direct_messages import DirectMessageOutlet

            handle = outlet_handles[DISCORD]
            assert isinstance(handle.outlet, DiscordOutlet)
            direct = DirectMessageOutlet(handle.outlet, lambda key: ModelWatches(parts.store).member_account(key))
            outlet_handles[OUTLET] = OutletHandle(direct, handle.settle, handle.cost)
        yield outlet_handles, problems
    finally:
        for outlet_handle in outlet_handles.values():
            outlet_handle.outlet.close()


def _open_outlet(parts: AppContext, name: str) -> OutletHandle:
    if name == SITE:
        return OutletHandle(SiteOutlet(parts), timedelta(), lambda _: Decimal(0))
    module, chosen = outlets.load_module(name), parts.settings.config.outlets[name]
    outlet = outlets.make_outlet(name, chosen, parts.settings.config.out, parts.settings.secrets, clock)
    replies = module.FORMAT.correction == "reply"
    return OutletHandle(outlet, module.SETTLE, module.cost, getattr(chosen, "monthly_budget", None), replies)


def publish_context(parts: AppContext) -> pipeline.PublishContext:
    config = parts.settings.config
    outbox = pipeline.make_outbox(parts.store, configured_channels(parts))
    locales = {
        (name, destination): locale
        for name, block in config.outlets.items()
        for destination, locale in getattr(block, "locales", {}).items()
    }
    return pipeline.PublishContext(
        parts.store, parts.archive, outbox, config.publish, config.corrections.threshold, parts.post_options, locales
    )


def configured_channels(parts: AppContext) -> frozenset[str]:
    """The Discord channels that `config.yaml` names."""
    return frozenset(getattr(parts.settings.config.outlets.get(DISCORD), "destinations", ()))


def active_subscriptions(parts: AppContext) -> tuple[Subscription, ...]:
    """The current subscriptions, without those of configured channels: otherwise a member who may subscribe there
    could delay the operator's posts, change their language or end them."""
    mine = configured_channels(parts)
    return tuple(
        subscription
        for subscription in ChannelSubscriptions(parts.store).all_subscriptions()
        if subscription.channel not in mine
    )


def poll_destinations(parts: AppContext, outlet: str) -> frozenset[str]:
    """The destinations of an outlet that get polls: those of the weekly posts of a network with a poll; where the
    schedule has no weekly posts, every one, since they can be made by hand."""
    config, places = parts.settings.config, outlet_targets(parts).get(outlet, ())
    polls = [poll for poll in config.polls if not poll.outlets or outlet in poll.outlets]
    networks = {name for poll in polls for name in poll.networks or parts.network_plans}
    weekly = [entry for entry in config.schedule if entry.period == "week"]
    if not weekly:
        return frozenset(places if networks else ())
    entries = [entry for entry in weekly if networks & set(entry.networks or parts.network_plans)]
    entries = [entry for entry in entries if not entry.outlets or outlet in entry.outlets]
    return frozenset(place for place in places for e in entries if not e.destinations or place in e.destinations)


def make_outbox_pass(
    parts: AppContext,
    desk: pipeline.PublishContext,
    outlet_handles: Mapping[str, OutletHandle],
    only: frozenset[tuple[str, PeriodName, date]] | None = None,
) -> OutboxPass:
    """One pass over the outbox, or over some periods of it, as this process."""
    spoken = {
        **desk.locales,
        **{(DISCORD, subscription.channel): subscription.terms.locale for subscription in active_subscriptions(parts)},
    }
    notices = pipeline.WatchContentProvider(parts.store, parts.network_plans, parts.settings.config.hidden_names)
    content = pipeline.DigestContentProvider(
        parts.archive, desk.outbox, parts.settings.config.hidden_names, spoken, desk.habits, notices
    )
    lease = parts.settings.config.publish.lease

    def gone(delivery: Delivery, why: str) -> None:
        on_destination_gone(desk, delivery, why, clock(), configured_channels(parts))

    return OutboxPass(desk.outbox, outlet_handles, content, clock, process_name(), lease, only=only, gone=gone)


def on_destination_gone(
    desk: pipeline.PublishContext, delivery: Delivery, reason: str, now: datetime, own_channels: Collection[str] = ()
) -> None:
    """Handle an unreachable destination. After several days: end its subscription or watches, and skip its planned
    deliveries. `own_channels`: channels of the configuration, which only the operator can end."""
    if delivery.outlet not in (OUTLET, DISCORD):
        return
    misses = record_miss(desk.store, delivery.outlet, delivery.destination, now)
    if not is_over(misses):
        if misses:
            where = f"one {'subscribed channel' if delivery.outlet == DISCORD else 'member'}, day {misses} of {MISSES}"
            log.warning("%s: cannot deliver to %s: %s", delivery.outlet, where, reason)
        return
    if delivery.outlet == OUTLET:
        ended = ModelWatches(desk.store).erase_member(key=delivery.destination).watches
    else:
        ended = len(ChannelSubscriptions(desk.store).end_subscriptions(channel=delivery.destination))
        if ended and delivery.destination not in own_channels:
            desk.outbox.skip_destination(DISCORD, delivery.destination, "its subscription ended", now)
    if ended:
        log.info(
            "%s: ended %d subscriptions or watches, because nothing can be delivered: %s",
            delivery.outlet,
            ended,
            reason,
        )


def clock_offsets(outlet_handles: Mapping[str, OutletHandle]) -> dict[str, timedelta]:
    """How far this machine's clock is ahead of the clock of each platform that has answered."""
    known = {
        name: outlet_handle.outlet.clock_offset()
        for name, outlet_handle in outlet_handles.items()
        if isinstance(outlet_handle.outlet, Timed)
    }
    return {name: offset for name, offset in known.items() if offset is not None and name != OUTLET}


def process_name() -> str:
    """A unique name of this process."""
    return _process_name(os.getpid())


@cache
def _process_name(pid: int) -> str:
    return f"{socket.gethostname()[:60]}:{pid}:{secrets.token_hex(4)}"


class SiteOutlet:
    """The archive site as an outlet. Posting brings the whole site up to date, so posting twice does no harm. A digest
    is issued, and has a data release, from its first receipt on; the site's own is stored after it was written, so it
    is brought up to date once more then."""

    def __init__(self, parts: AppContext) -> None:
        self._parts = parts
        self._lacks_receipts = False

    def post(self, part: Part, destination: str) -> Outcome:
        from bot.site_builder import DiskError

        try:
            index = self._write()
        except (DiskError, StoreError, OSError) as error:
            return RetryLater(f"site: {error}", clock() + DISK_PAUSE)
        except FootfallError as error:
            return Refused(f"site: {error}")
        url = getattr(self._parts.settings.config.outlets.get(SITE), "url", "") or str(index)
        self._lacks_receipts = True
        return Sent(part.marker, url)

    def refresh(self) -> None:
        if self._lacks_receipts:
            try:
                self._write()
                self._lacks_receipts = False
            except (FootfallError, OSError) as error:
                log.warning("site: the newest receipts are not shown yet: %s", error)

    def _write(self) -> Path:
        from bot.cli.preview_commands import write_site

        return write_site(self._parts, tell=log.debug)

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        return self.post(part, destination)

    def find(self, part: Part, destination: str) -> Found:
        return NotFound()

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        return []

    def close(self) -> None:
        pass
