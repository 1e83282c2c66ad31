"""Bytes and metadata from the network: politely, and only from where a list may lead."""

from indexer.fetch.fetcher import Brought, Fetcher

__all__ = ["Brought", "Fetcher"]
