"""Enumerations that every layer shares: the two systems, directions, and the connection's switches."""

from django.db import models


class System(models.TextChoices):
    """The two coupled systems, named as the REST API names them."""

    BUSINESS_CENTRAL = "business_central", "Business Central"
    SALES = "sales", "Dynamics 365 Sales"

    @property
    def other(self) -> "System":
        return System.SALES if self is System.BUSINESS_CENTRAL else System.BUSINESS_CENTRAL


class Direction(models.TextChoices):
    """Direction of a mapping, of a field mapping, or of one run."""

    TO_SALES = "to_sales", "To Sales"
    TO_BUSINESS_CENTRAL = "to_business_central", "To Business Central"
    BIDIRECTIONAL = "bidirectional", "Bidirectional"

    @property
    def targets(self) -> frozenset[System]:
        """The systems that a run in this direction writes to."""
        if self is Direction.TO_SALES:
            return frozenset({System.SALES})
        if self is Direction.TO_BUSINESS_CENTRAL:
            return frozenset({System.BUSINESS_CENTRAL})
        return frozenset({System.SALES, System.BUSINESS_CENTRAL})

    def allows(self, target: System) -> bool:
        return target in self.targets


class ConnectionState(models.TextChoices):
    """What people see; `Connection.enabled` is what programs ask."""

    DISABLED = "disabled", "Disabled"
    ENABLED = "enabled", "Enabled"
    BROKEN = "broken", "Broken"


class OwnershipModel(models.TextChoices):
    TEAM = "team", "Team"
    PERSON = "person", "Person"


class SalesOrderIntegration(models.TextChoices):
    NONE = "none", "None"
    LEGACY = "legacy", "Submitted orders become Business Central orders"
    BIDIRECTIONAL = "bidirectional", "Bidirectional"


class WriteInProductType(models.TextChoices):
    ITEM = "item", "Item"
    RESOURCE = "resource", "Resource"


class CredentialKind(models.TextChoices):
    SECRET = "secret", "Client secret"
    CERTIFICATE = "certificate", "Certificate"


class Severity(models.TextChoices):
    """How grave a notice is, gravest first."""

    ERROR = "error", "Error"
    WARNING = "warning", "Warning"
    INFO = "info", "Information"

    @property
    def colour(self) -> str:
        return {"error": "red", "warning": "yellow", "info": "secondary"}[self.value]

    def reaches(self, least: "Severity") -> bool:
        """Whether somebody who wants `least` and graver ones wants this one."""
        order = list(Severity)
        return order.index(self) <= order.index(least)


class NoticeKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    CHAT = "chat", "Teams or another chat"
