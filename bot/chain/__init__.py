"""A generic reader of EVM chains. It trusts no endpoint and knows no network."""

from typing import TYPE_CHECKING

from bot.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from bot.chain.cursor import Cursor, LogBatch
    from bot.chain.json_rpc import Endpoint
    from bot.chain.log_archive import archive_logs
    from bot.chain.quorum import ChainIdentity, ChainMismatchError, EndpointDisagreementError, QuorumUnreachableError
    from bot.chain.reader import ChainReader, ReorgTooDeepError, Reverted
    from bot.chain.types import Block, Filter, Log, Transaction
else:
    __getattr__ = lazy_attributes(__name__, __file__)
