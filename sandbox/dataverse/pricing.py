"""Price calculation of documents."""

from sandbox.dataverse.context import Context


def calculate_pending(context: Context) -> None:
    """Calculates every document that the operation touched."""
    context.price_documents.clear()
