"""Enumerations of mappings and couplings."""

from django.db import models


class MappingKind(models.TextChoices):
    """What the Sales side of a mapping is: rows of a table, or the options of a choice column."""

    RECORD = "record", "Records"
    OPTION = "option", "Options of a choice column"


class UpdateConflict(models.TextChoices):
    """What happens when the same value changed on both sides."""

    NONE = "none", "Leave it for a person"
    SEND_TO_SALES = "send_to_sales", "Business Central wins"
    GET_FROM_SALES = "get_from_sales", "Sales wins"


class DeletionConflict(models.TextChoices):
    """What happens when a coupled record was deleted on one side."""

    NONE = "none", "Leave it for a person"
    RESTORE_RECORDS = "restore_records", "Create the record again"
    REMOVE_COUPLING = "remove_coupling", "Remove the coupling"
    PROPAGATE = "propagate", "Delete the other record too"


class CouplingOrigin(models.TextChoices):
    MANUAL = "manual", "By hand"
    CREATED = "created", "Created by a synchronisation"
    MATCH = "match", "Match-based coupling"
    SUGGESTION = "suggestion", "Suggestion"
    ADOPTED = "adopted", "Found by its key"


class CouplingState(models.TextChoices):
    """State shown to people; worked out by `Coupling.objects.with_state()`, the first that fits wins."""

    WORKING = "working", "Working"
    BROKEN = "broken", "Broken"
    SKIPPED = "skipped", "Skipped"
    CONFLICT = "conflict", "Conflict"
    FAILING = "failing", "Failing"
    OUTSIDE_FILTER = "outside_filter", "Outside filter"
    NEVER_SYNCHRONISED = "never_synchronised", "Never synchronised"
    CHANGES_WAITING = "changes_waiting", "Changes waiting"
    IN_SYNC = "in_sync", "In sync"

    @property
    def colour(self) -> str:
        """Tabler colour of the badge."""
        return {
            "working": "yellow",
            "broken": "red",
            "skipped": "orange",
            "conflict": "purple",
            "failing": "yellow",
            "outside_filter": "secondary",
            "never_synchronised": "cyan",
            "changes_waiting": "blue",
            "in_sync": "green",
        }[self.value]


class MissingSide(models.TextChoices):
    """Which side of a broken coupling no longer exists."""

    NONE = "", "Both exist"
    BUSINESS_CENTRAL = "business_central", "Gone in Business Central"
    SALES = "sales", "Gone in Sales"
    BOTH = "both", "Gone in both"


class LinkChange(models.TextChoices):
    """What somebody did to the link of a pair."""

    COUPLE = "couple", "Coupled"
    MOVE = "move", "Moved"
    UNCOUPLE = "uncouple", "Uncoupled"
