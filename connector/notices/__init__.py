"""Telling people what they have to know: one message per cause, again once a day while it stays."""
