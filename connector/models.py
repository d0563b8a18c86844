"""What the hub knows of the two systems: where they are, how to sign in, what they offer.

`Connection` pairs one Business Central company with one Dynamics 365 Sales organisation; everything else in the
database belongs to one connection.
"""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from connector.choices import (
    ConnectionState,
    CredentialKind,
    NoticeKind,
    OwnershipModel,
    SalesOrderIntegration,
    Severity,
    System,
    WriteInProductType,
)
from connector.fields import EncryptedTextField

DEFAULT_AUTHORITY_URL = "https://login.microsoftonline.com"
DEFAULT_BUSINESS_CENTRAL_URL = "https://api.businesscentral.dynamics.com"
_WEB_CLIENT_URL = "https://businesscentral.dynamics.com"
BUSINESS_CENTRAL_SCOPE = "https://api.businesscentral.dynamics.com/.default"


class Connection(models.Model):
    """One Business Central company paired with one Sales organisation.

    Life: created disabled, edited and tested, enabled (which reads the organisation's facts and provisions mappings
    and schedules), possibly disabled again with a reason. Addresses change only while disabled.
    """

    slug = models.SlugField(unique=True, default="default")
    name = models.CharField(max_length=100, default="Business Central and Sales")

    tenant_id = models.CharField(max_length=100, blank=True, help_text="Entra tenant: id or domain.")
    client_id = models.CharField(
        max_length=100, blank=True, help_text="Application (client) id of the app registration."
    )
    authority_url = models.URLField(default=DEFAULT_AUTHORITY_URL)
    sales_url = models.URLField(blank=True, help_text="Environment URL, for example https://contoso.crm4.dynamics.com")
    business_central_url = models.URLField(default=DEFAULT_BUSINESS_CENTRAL_URL)
    business_central_environment = models.CharField(max_length=100, blank=True)
    company_id = models.UUIDField(null=True, blank=True)
    company_name = models.CharField(max_length=250, blank=True)

    enabled = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=ConnectionState.choices, default=ConnectionState.DISABLED)
    disabled_reason = models.TextField(blank=True)
    automatic_jobs = models.BooleanField(default=True, help_text="Off: only runs that somebody asks for.")

    ownership_model = models.CharField(max_length=10, choices=OwnershipModel.choices, default=OwnershipModel.TEAM)
    chosen_team_id = models.UUIDField(
        null=True, blank=True, help_text="Team that owns new rows; none: the company's, or that of the hub's unit."
    )
    chosen_team_name = models.CharField(max_length=160, blank=True)
    unit_group_mapping = models.BooleanField(default=True)
    extended_pricing = models.BooleanField(default=True)
    sales_order_integration = models.CharField(
        max_length=20, choices=SalesOrderIntegration.choices, default=SalesOrderIntegration.NONE
    )
    automatically_create_sales_orders = models.BooleanField(default=False)
    automatically_process_quotes = models.BooleanField(default=False)
    synchronize_item_availability = models.BooleanField(default=False)
    write_in_product_type = models.CharField(
        max_length=10, choices=WriteInProductType.choices, default=WriteInProductType.ITEM
    )
    write_in_product_no = models.CharField(max_length=20, blank=True)
    freight_account_no = models.CharField(max_length=20, blank=True)
    fulfil_shipped_orders = models.BooleanField(default=True)
    archive_quotes_in_business_central = models.BooleanField(default=False)
    cancel_deleted_orders = models.BooleanField(
        default=False, help_text="Orders deleted in Business Central are cancelled in Sales instead of given back."
    )
    tell_accounts = models.BooleanField(default=True, help_text="Posted orders are told on the account's wall too.")

    # Facts read from the two systems while enabling; emptied while disabled.
    base_currency = models.CharField(max_length=10, blank=True, help_text="ISO code of the Sales base currency.")
    base_currency_symbol = models.CharField(max_length=10, blank=True)
    base_currency_precision = models.PositiveSmallIntegerField(null=True, blank=True)
    base_currency_id = models.UUIDField(null=True, blank=True)
    local_currency_code = models.CharField(max_length=10, blank=True, help_text="Local currency of the BC company.")
    organization_id = models.UUIDField(null=True, blank=True)
    sales_user_id = models.UUIDField(null=True, blank=True, help_text="The hub's own application user in Sales.")
    business_unit_id = models.UUIDField(null=True, blank=True)
    owning_team_id = models.UUIDField(null=True, blank=True)
    company_row_id = models.UUIDField(null=True, blank=True, help_text="Row of bcbi_companies for this company.")
    capabilities = models.JSONField(
        default=dict, blank=True, help_text='Sets that exist: {"api": [...], "companion": [...], "pages": [...]}.'
    )
    last_test = models.JSONField(default=dict, blank=True, help_text="Report of the newest connection test.")
    last_test_at = models.DateTimeField(null=True, blank=True)
    setup_completed_at = models.DateTimeField(null=True, blank=True, help_text="When assisted setup was finished.")
    restore_after_maintenance = models.BooleanField(
        default=False, help_text="Switched off for maintenance: the next start of the scheduler enables it again."
    )
    forget_changes = models.BooleanField(
        default=False, help_text="What changes while the connection is off is left out when it is enabled again."
    )
    over_privileged_reason = models.CharField(
        max_length=200, blank=True, help_text="Why the application user may be System Administrator; empty: it may not."
    )
    web_client_url = models.URLField(
        blank=True, max_length=300, help_text="Business Central's web client, for links; empty: derived."
    )
    open_in_sales_hub = models.BooleanField(
        default=True, help_text="Links to Sales open in the app Sales Hub, where the organisation has it."
    )
    sales_hub_app_id = models.UUIDField(null=True, blank=True, help_text="Read while enabling; none: no such app.")
    keep_jobs_days = models.PositiveSmallIntegerField(default=30, help_text="How long jobs and errors are kept.")
    failures_reset_at = models.DateTimeField(null=True, blank=True, help_text="Failed runs before it no longer count.")
    full_synch_left_out = models.JSONField(
        default=list, blank=True, help_text="Names of mappings that full synchronisations leave out until taken in."
    )
    full_synch_hold_percent = models.PositiveSmallIntegerField(
        default=20, help_text="Share of failed records from which on a mapping's dependents wait for a decision."
    )
    full_synch_parallel = models.PositiveSmallIntegerField(
        default=3,
        help_text="Lines of a full synchronisation that run at the same time.",
        validators=[MinValueValidator(1), MaxValueValidator(20)],
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="What days and hours of schedules are meant in."
    )

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("connection-setup", kwargs={"connection": self.slug})

    @property
    def sales_scope(self) -> str:
        return f"{self.sales_url.rstrip('/')}/.default"

    @property
    def sales_api_url(self) -> str:
        return f"{self.sales_url.rstrip('/')}/api/data/v9.2"

    @property
    def business_central_root(self) -> str:
        """Root of the environment; standard API, extension APIs and page services lie below it."""
        origin = self.business_central_url.rstrip("/")
        return f"{origin}/v2.0/{self.tenant_id}/{self.business_central_environment}"

    @property
    def derived_web_client_url(self) -> str:
        """Business Central's web client as it follows from tenant and environment."""
        if self.business_central_url.rstrip("/") == DEFAULT_BUSINESS_CENTRAL_URL:
            return f"{_WEB_CLIENT_URL}/{self.tenant_id}/{self.business_central_environment}"
        return f"{self.business_central_url.rstrip('/')}/business-central/"


class Credential(models.Model):
    """How the hub signs in for one connection. Never rendered, logged or returned; only the kind and age are shown."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="credential")
    kind = models.CharField(max_length=20, choices=CredentialKind.choices, default=CredentialKind.SECRET)
    secret = EncryptedTextField(blank=True, help_text="Client secret, or the certificate's private key in PEM form.")
    certificate = models.TextField(blank=True, help_text="Public certificate in PEM form.")
    valid_until = models.DateField(null=True, blank=True, help_text="Last day of the secret or certificate, if known.")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.connection}"


class SetupDraft(models.Model):
    """What assisted setup was told so far; the connection itself changes only when setup is finished.

    `answers` holds per step what was typed, as it was typed; secrets are apart and encrypted. `checks` holds per step
    the newest results with the fingerprint of the values they were got with. `revision` grows with every change, so
    that two administrators do not overwrite each other unknowingly.
    """

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="setup_draft")
    answers = models.JSONField(default=dict, blank=True)
    secret = EncryptedTextField(blank=True, help_text="Client secret that was entered.")
    private_key = EncryptedTextField(blank=True, help_text="Private key of the certificate, in PEM form.")
    certificate = models.TextField(blank=True, help_text="Public certificate in PEM form.")
    checks = models.JSONField(default=dict, blank=True)
    found = models.JSONField(default=dict, blank=True, help_text="Companies, counts, people: what the checks read.")
    progress = models.JSONField(default=dict, blank=True, help_text="Finish: its state, who asked, and its steps.")
    step = models.CharField(max_length=30, default="welcome")
    revision = models.PositiveIntegerField(default=1)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Assisted setup of {self.connection}"


class WebhookReceiver(models.Model):
    """Where the two systems announce changes of one connection, and how they prove who they are."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="webhook_receiver")
    token = models.UUIDField(default=uuid.uuid4, unique=True, help_text="Part of the address that is announced to.")
    key = EncryptedTextField(help_text="What a sender has to present.")
    sales_endpoint_id = models.UUIDField(null=True, blank=True, help_text="The service endpoint in Sales.")
    passes_own_steps = models.BooleanField(default=False, help_text="Sales lets the hub's own writes go unannounced.")
    sales_message = models.TextField(blank=True, help_text="Why Sales announces nothing; empty while it does.")
    business_central_message = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    sales_heard_at = models.DateTimeField(null=True, blank=True)
    business_central_heard_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Webhooks of {self.connection}"


class WebhookSubscription(models.Model):
    """One registration in one of the two systems: the changes of one table."""

    receiver = models.ForeignKey(WebhookReceiver, on_delete=models.CASCADE, related_name="subscriptions")
    system = models.CharField(max_length=20, choices=System.choices)
    table = models.CharField(max_length=100)
    event = models.CharField(max_length=20, blank=True, help_text="Create, Update or Delete; Business Central: all.")
    remote_id = models.CharField(max_length=150)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receiver", "system", "table", "event"], name="one_subscription_per_event")
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.table} {self.event}".strip()


class NoticeTarget(models.Model):
    """Somebody who wants to be told: an e-mail address, or the address of a chat's incoming webhook."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="notice_targets")
    kind = models.CharField(max_length=10, choices=NoticeKind.choices, default=NoticeKind.EMAIL)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="Who asked for it; none: the connection's own.",
    )
    address = EncryptedTextField(help_text="Kept encrypted: a chat's webhook address lets anybody write there.")
    severity = models.CharField(
        max_length=10, choices=Severity.choices, default=Severity.WARNING, help_text="This one and graver ones."
    )
    every_minutes = models.PositiveIntegerField(default=0, help_text="0: at once; otherwise collected so long.")
    last_sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, help_text="Why the last message could not be sent.")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.connection}"

    @property
    def recipient(self) -> str:
        """Where it goes: a person's own notices follow the person's present e-mail address."""
        return self.user.email if self.user is not None else self.address

    @property
    def shown(self) -> str:
        """The address as people may see it: that of a chat only by its host."""
        if self.kind == NoticeKind.EMAIL:
            return self.recipient
        return self.address.partition("://")[2].partition("/")[0]


class Notice(models.Model):
    """Something that somebody has to know, once per cause: open until the cause is gone."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="notices")
    cause = models.CharField(max_length=200, help_text="Names the cause; the same cause again is the same notice.")
    severity = models.CharField(max_length=10, choices=Severity.choices)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    path = models.CharField(max_length=300, blank=True, help_text="Page of the hub that shows it.")
    opened_at = models.DateTimeField(auto_now_add=True, db_index=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "cause"],
                condition=models.Q(resolved_at__isnull=True),
                name="one_open_notice_per_cause",
            )
        ]

    def __str__(self) -> str:
        return self.title


class NoticeDelivery(models.Model):
    """When a target was told of a notice the last time; a cause that stays is told again once a day."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    target = models.ForeignKey(NoticeTarget, on_delete=models.CASCADE, related_name="deliveries")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "target"], name="one_delivery_per_target")]

    def __str__(self) -> str:
        return f"{self.notice} to {self.target}"


class AuditEntry(models.Model):
    """Who changed what in the hub's own settings, mappings, couplings and jobs, with the values before and after."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, related_name="audit_entries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
