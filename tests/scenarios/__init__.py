"""Acceptance scenarios against the sandbox, readable as given, when, then."""
