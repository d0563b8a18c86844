"""SQLite storage shared by both systems: one real table per entity set, one writer, one row version counter."""

from sandbox.storage.columns import Column, Kind, Table
from sandbox.storage.store import Image, Store
from sandbox.storage.transaction import Alike, Row, Transaction

__all__ = ["Alike", "Column", "Image", "Kind", "Row", "Store", "Table", "Transaction"]
