"""Search over the mirror: find one of 100,000 records by whatever people remember of it."""

from coupling.services.words import search_text

__all__ = ["search_text"]
