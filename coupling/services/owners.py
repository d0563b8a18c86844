"""Whose records are whose: by the e-mail address of a person of the hub."""

from django.db.models import Q

from connector.choices import System
from connector.models import Connection
from coupling.models import BusinessCentralRecord, Coupling, SalesRecord

_USERS = "systemusers"


def owned_by(connection: Connection, system: System, email: str) -> Q:
    """Condition over mirror rows: owned by the person with the e-mail address; nothing without one."""
    if not email:
        return Q(pk__in=[])
    users = SalesRecord.objects.of_table(connection.pk, "systemusers").filter(
        values__internalemailaddress__iexact=email
    )
    if system == System.SALES:
        return Q(values___ownerid_value__in=[str(key) for key in users.values_list("key", flat=True)])
    coupled = Coupling.objects.filter(connection=connection, sales_table=_USERS, sales_key__in=users.values("key"))
    people = BusinessCentralRecord.objects.of_table(connection.pk, "salespeoplePurchasers")
    mine = people.filter(Q(values__email__iexact=email) | Q(key__in=coupled.values("bc_key")))
    return Q(values__salespersonCode__in=[code for code in mine.values_list("number", flat=True) if code])
