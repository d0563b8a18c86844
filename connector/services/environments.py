"""Connections that share one environment of Sales: each sees the rows of the others."""

from connector.models import Connection


def neighbours(connection: Connection) -> list[Connection]:
    """The other connections whose rows lie in the same environment. One query."""
    if not connection.sales_url:
        return []
    return list(Connection.objects.filter(sales_url__iexact=connection.sales_url).exclude(pk=connection.pk))
