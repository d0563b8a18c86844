"""Webhooks."""

from sandbox.dataverse.context import Context


def schedule(context: Context) -> None:
    context.events.clear()
