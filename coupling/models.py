"""What is coupled with what: the mirror of both systems, mappings, and couplings.

The mirror keeps lists, search, matching, previews and diffs fast and keeps the remote APIs out of page loads. Its
property values are JSONB because users decide which properties are mapped.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT

from connector.choices import Direction, System
from connector.models import Connection
from coupling.choices import (
    CouplingOrigin,
    DeletionConflict,
    MappingKind,
    MissingSide,
    UpdateConflict,
)
from coupling.defaults import delivered_transformations
from coupling.fields import WireValuesField
from coupling.link_changes import CouplingChange  # noqa: F401 - Django finds models by this module
from coupling.matching import models as _matching_models  # noqa: F401 - as above
from coupling.querysets import CouplingQuerySet, RemoteRecordQuerySet
from coupling.transformations import LABELS as RULE_LABELS


class RemoteRecord(models.Model):
    """One mirrored record of a mapped table: what the hub last read of it.

    Written by pull and settle only. A deleted record keeps its row with `deleted_at` set until nothing refers to it.
    """

    table = models.CharField(max_length=100, help_text="Entity set.")
    key = models.UUIDField()
    number = models.CharField(max_length=100, blank=True, help_text="Business key people know: number, code.")
    name = models.CharField(max_length=400, blank=True)
    token = models.CharField(max_length=200, blank=True, help_text="Concurrency token (ETag) of the values below.")
    modified_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    values = WireValuesField()
    search_text = models.TextField(blank=True, help_text="Normalised words for search; see coupling.services.search.")
    read_at = models.DateTimeField(auto_now=True)

    objects = RemoteRecordQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.number} {self.name}".strip() or str(self.key)


class BusinessCentralRecord(RemoteRecord):
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="business_central_records", db_index=False
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "table", "key"], name="bc_record_key")]
        indexes = [
            models.Index(fields=["connection", "table", "number"], name="bc_record_number"),
            models.Index(fields=["connection", "table", "name"], name="bc_record_name"),
            models.Index(fields=["connection", "table", "read_at"], name="bc_record_read"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="bc_record_search"),
        ]


class SalesRecord(RemoteRecord):
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="sales_records", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "table", "key"], name="sales_record_key")]
        indexes = [
            models.Index(fields=["connection", "table", "number"], name="sales_record_number"),
            models.Index(fields=["connection", "table", "name"], name="sales_record_name"),
            models.Index(fields=["connection", "table", "read_at"], name="sales_record_read"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="sales_record_search"),
            models.Index(
                KT("values___parentcustomerid_value"), name="sales_contact_parent", condition=Q(table="contacts")
            ),
        ]


class TableCursor(models.Model):
    """How far one remote table has been read. Moved only in the transaction that stored what was read.

    `cursor` is a delta link (Sales) or a watermark (BC, ISO 8601 UTC). Reading other properties than `properties`
    starts over, because rows already mirrored lack the new ones.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cursors")
    system = models.CharField(max_length=20, choices=System.choices)
    table = models.CharField(max_length=100)
    cursor = models.TextField(blank=True)
    properties = ArrayField(models.CharField(max_length=100), default=list)
    full_read_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "system", "table"], name="one_cursor_per_table")]

    def __str__(self) -> str:
        return f"{self.get_system_display()} {self.table}"


class TableMapping(models.Model):
    """An integration table mapping: two tables that follow each other, and how.

    The defaults come from `coupling/defaults/default-mappings.json`; the connection's switches decide which exist.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="mappings")
    name = models.CharField(max_length=50)
    kind = models.CharField(max_length=10, choices=MappingKind.choices, default=MappingKind.RECORD)
    business_central_table = models.CharField(max_length=100, help_text="Entity set or service name.")
    business_central_label = models.CharField(max_length=100, help_text="Table caption in Business Central.")
    business_central_service = models.CharField(
        max_length=20, default="api", help_text='Where the table is served: "api", "companion" or "pages".'
    )
    sales_table = models.CharField(max_length=100, help_text="Entity set.")
    sales_entity = models.CharField(max_length=100, help_text="Logical name.")
    sales_label = models.CharField(
        max_length=100, blank=True, help_text="Name that people gave a table of their own; blank: a standard table."
    )
    sales_primary_key = models.CharField(max_length=100, blank=True)
    sales_primary_name = models.CharField(max_length=100, blank=True)
    option_attribute = models.CharField(max_length=100, blank=True, help_text="Choice column of an option mapping.")
    option_mirrors = models.JSONField(
        default=list, blank=True, help_text='Further choice columns: [{"table", "attribute"}].'
    )
    direction = models.CharField(max_length=20, choices=Direction.choices)
    business_central_filter = models.TextField(blank=True)
    sales_filter = models.TextField(blank=True, help_text="OData; {company_row_id} stands for this company's row.")
    synch_only_coupled_records = models.BooleanField(default=True)
    create_new_in_case_of_no_match = models.BooleanField(default=False)
    synch_after_bulk_coupling = models.BooleanField(default=False)
    update_conflict_resolution = models.CharField(
        max_length=20, choices=UpdateConflict.choices, default=UpdateConflict.NONE
    )
    deletion_conflict_resolution = models.CharField(
        max_length=20, choices=DeletionConflict.choices, default=DeletionConflict.NONE
    )
    merge_fields = models.BooleanField(default=True)
    depends_on = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    serialised_with = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    order = models.PositiveIntegerField(default=1000, help_text="Topological position; smaller runs earlier.")
    enabled = models.BooleanField(default=True)
    available = models.BooleanField(default=True)
    unavailable_reason = models.TextField(blank=True)
    user_defined = models.BooleanField(default=False)

    class Meta:
        ordering = ["order", "name"]
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="mapping_name")]

    def __str__(self) -> str:
        return self.name

    def table(self, system: System) -> str:
        return self.business_central_table if system == System.BUSINESS_CENTRAL else self.sales_table

    def filter(self, system: System) -> str:
        return self.business_central_filter if system == System.BUSINESS_CENTRAL else self.sales_filter


class FieldMapping(models.Model):
    """An integration field mapping: one property and one attribute inside a table mapping."""

    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, related_name="fields")
    business_central_property = models.CharField(max_length=100, blank=True)
    business_central_label = models.CharField(max_length=100, blank=True)
    business_central_service = models.CharField(
        max_length=100, blank=True, help_text="Page service that has the property when the mapping's own table has not."
    )
    business_central_definition = models.JSONField(
        default=dict, blank=True, help_text="Kind and length of a property that the standard product has not."
    )
    sales_attribute = models.CharField(max_length=100, blank=True)
    sales_definition = models.JSONField(
        default=dict, blank=True, help_text="Kind and length of a column that the standard product has not."
    )
    sales_type = models.CharField(max_length=30, blank=True)
    sales_lookup = models.JSONField(
        default=dict, blank=True, help_text='{"read": "_x_value", "write": "x@odata.bind", "target_set": "…"}'
    )
    direction = models.CharField(max_length=20, choices=Direction.choices)
    constant_value = models.CharField(max_length=250, blank=True)
    transformation = models.CharField(max_length=60, blank=True)
    enabled = models.BooleanField(default=True)
    not_null = models.BooleanField(default=False)
    clear_value_on_failed_sync = models.BooleanField(default=False)
    create_only = models.BooleanField(default=False, help_text="The target accepts the value only on create.")
    used_for_matching = models.BooleanField(default=False)
    case_sensitive = models.BooleanField(default=False)
    match_priority = models.PositiveSmallIntegerField(default=0)
    update_conflict_resolution = models.CharField(
        max_length=20, choices=UpdateConflict.choices, blank=True, help_text="Blank: as the mapping says."
    )
    user_defined = models.BooleanField(default=False)
    available = models.BooleanField(default=True)
    unavailable_reason = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["mapping", "order", "id"]

    def __str__(self) -> str:
        return f"{self.business_central_property or self.constant_value} / {self.sales_attribute}"

    @property
    def has_own_rule_or_none(self) -> bool:
        """Whether people may choose its transformation; delivered ones say what the two properties mean."""
        return self.transformation not in delivered_transformations()


class TransformationRule(models.Model):
    """A rule of one's own that changes a value on its way; field mappings name it in `transformation`."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="transformation_rules")
    code = models.CharField(max_length=20)
    description = models.CharField(max_length=100, blank=True)
    kind = models.CharField(max_length=20, choices=[(kind.value, label) for kind, label in RULE_LABELS.items()])
    parameters = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["connection", "code"]
        constraints = [models.UniqueConstraint(fields=["connection", "code"], name="rule_code")]

    def __str__(self) -> str:
        return self.code


class RecordTemplate(models.Model):
    """Values that a newly created record gets on top of the mapped ones; the first whose filter fits wins."""

    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, related_name="templates")
    system = models.CharField(max_length=20, choices=System.choices, help_text="Where the record is created.")
    priority = models.PositiveIntegerField(default=0)
    filter = models.TextField(blank=True, help_text="OData over the source record; blank fits every record.")
    values = WireValuesField()

    class Meta:
        ordering = ["mapping", "system", "priority", "id"]

    def __str__(self) -> str:
        return f"{self.mapping} template {self.priority}"


class OptionMapping(models.Model):
    """A Business Central code coupled with an option of a choice column."""

    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, related_name="options")
    bc_key = models.UUIDField()
    bc_code = models.CharField(max_length=20)
    option_value = models.IntegerField()
    option_label = models.CharField(max_length=200)
    last_synchronised_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)

    class Meta:
        ordering = ["mapping", "bc_code"]
        constraints = [
            models.UniqueConstraint(fields=["mapping", "bc_key"], name="option_mapping_bc_key"),
            models.UniqueConstraint(fields=["mapping", "option_value"], name="option_mapping_value"),
        ]

    def __str__(self) -> str:
        return f"{self.bc_code} / {self.option_label}"


class Coupling(models.Model):
    """One Business Central record coupled with one Sales row under one mapping; one-to-one on both sides.

    `bc_base` and `sales_base` are the values of the mapped properties when both sides last agreed: the ground of the
    three-way merge. A property missing in them has never been agreed on. Marks of failure:
    a data error sets the `error_*` columns and `failures`; the same error a second time sets `skipped_at`.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="couplings", db_index=False)
    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, related_name="couplings", db_index=False)
    bc_table = models.CharField(max_length=100)
    bc_key = models.UUIDField()
    sales_table = models.CharField(max_length=100)
    sales_key = models.UUIDField()
    bc_base = WireValuesField()
    sales_base = WireValuesField()
    bc_token = models.CharField(max_length=200, blank=True, help_text="Token of the BC record when last agreed.")
    sales_token = models.CharField(max_length=200, blank=True, help_text="Token of the Sales row when last agreed.")

    origin = models.CharField(max_length=20, choices=CouplingOrigin.choices, default=CouplingOrigin.MANUAL)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_synchronised_at = models.DateTimeField(null=True)
    last_job_id = models.BigIntegerField(null=True, help_text="Newest synch job that touched the pair.")

    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)
    error_details = models.JSONField(default=dict, blank=True)
    error_target = models.CharField(max_length=20, choices=System.choices, blank=True, help_text="System written to.")
    error_fingerprint = models.CharField(max_length=64, blank=True, help_text="Code and offending value, hashed.")
    failures = models.PositiveIntegerField(default=0, help_text="Times in a row the same error came.")
    failed_at = models.DateTimeField(null=True)
    skipped_at = models.DateTimeField(null=True)
    conflict = models.BooleanField(default=False)
    missing = models.CharField(max_length=20, choices=MissingSide.choices, blank=True, default=MissingSide.NONE)
    outside_filter = models.CharField(max_length=20, choices=System.choices, blank=True)
    # Who looks after the pair's problem.
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = CouplingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "bc_table", "bc_key"], name="coupling_bc_once"),
            models.UniqueConstraint(fields=["connection", "sales_table", "sales_key"], name="coupling_sales_once"),
        ]
        indexes = [
            models.Index(fields=["mapping", "bc_key"], name="coupling_mapping_bc"),
            models.Index(fields=["mapping", "sales_key"], name="coupling_mapping_sales"),
            models.Index(fields=["mapping", "failed_at"], name="coupling_failing", condition=~Q(error_code="")),
        ]

    def __str__(self) -> str:
        return f"{self.mapping}: {self.bc_key} / {self.sales_key}"


class DirtyPair(models.Model):
    """Work waiting to be planned: a pair (or an uncoupled record) of a mapping that may need synchronising.

    Written in the same transaction as the mirror row that changed, so nothing is lost between reading and planning;
    removed in the transaction that plans it. `pair_key` is the BC key, or the Sales key of a row without a coupling.
    """

    mapping = models.ForeignKey(TableMapping, on_delete=models.CASCADE, related_name="dirty_pairs", db_index=False)
    pair_key = models.UUIDField()
    bc_key = models.UUIDField(null=True)
    sales_key = models.UUIDField(null=True)
    since = models.DateTimeField(auto_now_add=True)
    job_id = models.BigIntegerField(null=True, help_text="Synch job that has taken the pair on.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mapping", "pair_key", "job_id"], name="dirty_pair_once", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["job_id", "pair_key"], name="dirty_pair_of_job")]

    def __str__(self) -> str:
        return f"{self.mapping}: {self.pair_key}"
