"""SQLite storage shared by both systems: one real table per entity set, one writer, one row version counter."""

from sandbox.storage.columns import Column, Kind, Table
from sandbox.storage.store import Store
from sandbox.storage.transaction import Alike, Row, Transaction

__all__ = ["Alike", "Column", "Kind", "Row", "Store", "Table", "Transaction"]
