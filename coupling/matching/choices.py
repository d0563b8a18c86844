"""Enumerations of suggestions and of the results of match-based coupling."""

from django.db import models


class MatchVerdict(models.TextChoices):
    """What was found for a Business Central record."""

    CLEAR = "clear", "Clear"
    SEVERAL = "several", "Several candidates"
    UNCERTAIN = "uncertain", "Uncertain"
    CONTESTED = "contested", "Claimed twice"
    TAKEN = "taken", "Candidate already coupled"
    NONE = "none", "No candidate"

    @property
    def colour(self) -> str:
        return {
            "clear": "green",
            "several": "blue",
            "uncertain": "yellow",
            "contested": "purple",
            "taken": "orange",
            "none": "secondary",
        }[self.value]

    @property
    def explanation(self) -> str:
        """What the verdict says, for people who see it for the first time."""
        return _EXPLANATIONS[self.value]


_EXPLANATIONS = {
    "clear": "One row fits, on more than its name, and no other comes near.",
    "several": "More than one row fits about as well. Choose the right one.",
    "uncertain": "One row fits in part. Look before you couple.",
    "contested": "Another record fits the same row about as well. Decide which of them it belongs to.",
    "taken": "What fits is coupled with another record. Perhaps the record exists twice.",
    "none": "Nothing in Sales resembles the record. Search by hand, or create its partner.",
}


class QueueDeed(models.TextChoices):
    """What somebody did with a record of the queue."""

    COUPLED = "coupled", "Coupled"
    CREATED = "created", "Creation started"
    RULED_OUT = "ruled_out", "Ruled out"
    SKIPPED = "skipped", "Skipped"
