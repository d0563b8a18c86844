"""Assisted setup: from nothing to an enabled connection in tested steps, over a draft."""
