"""Addresses of the pages about records and couplings."""

from django.urls import include, path

from connector.choices import System
from coupling.views import (
    create_many,
    filters,
    home,
    links,
    options,
    own_mappings,
    pair,
    salespeople,
    setup,
    synchronize,
    templates,
    transformations,
    uncoupling,
    undo,
)

from coupling.views import matching, queue, suggestions  # isort: skip
from coupling.views.records import RecordListView

_records = RecordListView.as_view()
_RECORD = "records/<str:system>/<str:table>/<uuid:key>"
_BC, _SALES = System.BUSINESS_CENTRAL.value, System.SALES.value

connection_pages = [
    path("customers/", _records, {"system": _BC, "table": "customers"}, name="customer-list"),
    path("accounts/", _records, {"system": _SALES, "table": "accounts"}, name="account-list"),
    path("salespeople/", _records, {"system": _BC, "table": "salespeoplePurchasers"}, name="salesperson-list"),
    path("salespeople/couple/", salespeople.couple_salespeople, name="salesperson-couple"),
    path("users/", _records, {"system": _SALES, "table": "systemusers"}, name="user-list"),
    path("records/<str:system>/<str:table>/", _records, name="record-list"),
    path(f"{_RECORD}/", pair.record_detail, name="record-detail"),
    path(f"{_RECORD}/open/", links.record_open, name="record-open"),
    path("open/", links.open_from_sales, name="record-open-from-sales"),
    path(f"{_RECORD}/couple/", setup.coupling_setup, name="coupling-setup"),
    path("couplings/synchronize/", synchronize.synchronize_many, name="coupling-synchronize-many"),
    path("couplings/", home.couplings_home, name="coupling-home"),
    path("couplings/find-broken/", home.find_broken, name="coupling-find-broken"),
    path("couplings/of/<str:name>/uncouple/", uncoupling.uncouple_tables, name="coupling-table-uncouple"),
    path("couplings/uncouple/", uncoupling.uncouple_tables, name="coupling-tables-uncouple"),
    path("couplings/undo/<uuid:deed>/", undo.undo, name="coupling-undo"),
    path("mappings/<str:name>/create/<str:system>/", create_many.create_many, name="create-many"),
    path("mappings/<str:name>/match/", matching.criteria, name="match-criteria"),
    path("mappings/<str:name>/match/<int:job>/", suggestions.ReviewList.as_view(), name="match-review"),
    path("mappings/<str:name>/match/<int:job>/clear/", suggestions.accept_clear, name="match-clear"),
    path("mappings/<str:name>/match/<int:job>/import/", suggestions.import_decisions, name="match-import"),
    path("mappings/<str:name>/match/<int:job>/undo/", suggestions.undo_run, name="match-undo"),
    path("mappings/<str:name>/suggestions/", suggestions.ReviewList.as_view(), name="suggestion-review"),
    path("mappings/<str:name>/suggestions/clear/", suggestions.accept_clear, name="suggestion-clear"),
    path("mappings/<str:name>/suggestions/import/", suggestions.import_decisions, name="suggestion-import"),
    path("mappings/<str:name>/suggestions/refresh/", suggestions.refresh, name="suggestion-refresh"),
    path("mappings/<str:name>/queue/", queue.work_queue, name="queue"),
    path("mappings/<str:name>/queue/sales/", queue.work_queue, {"system": _SALES}, name="queue-sales"),
    path("couplings/ruled-out/", suggestions.RuledOutList.as_view(), name="ruled-out-list"),
    path("couplings/<int:pk>/", pair.coupling_detail, name="coupling-detail"),
    path("couplings/<int:pk>/banner/", pair.banner, name="coupling-banner"),
    path("couplings/<int:pk>/log/", pair.coupling_log, name="coupling-log"),
    path("couplings/<int:pk>/synchronize/", synchronize.synchronize_pair, name="coupling-synchronize"),
    path("couplings/<int:pk>/uncouple/", pair.uncouple, name="coupling-uncouple"),
    path("couplings/<int:pk>/retry/", pair.retry, name="coupling-retry"),
    path("couplings/<int:pk>/restore/", pair.restore, name="coupling-restore"),
    path("couplings/<int:pk>/delete-record/", pair.delete_record, name="coupling-delete-record"),
    path("mappings/rules/", transformations.RuleList.as_view(), name="mapping-rule-list"),
    path("mappings/rules/new/", transformations.rule_detail, name="mapping-rule-new"),
    path("mappings/rules/<int:pk>/", transformations.rule_detail, name="mapping-rule-detail"),
    path("mappings/rules/<int:pk>/delete/", transformations.rule_delete, name="mapping-rule-delete"),
    path("mappings/new/", own_mappings.mapping_new, name="mapping-new"),
    path("mappings/<str:name>/filter/<str:system>/", filters.mapping_filter, name="mapping-filter"),
    path("mappings/<str:name>/fields/new/", own_mappings.mapping_fields_new, name="mapping-fields-new"),
    path("mappings/<str:name>/templates/", templates.template_list, name="mapping-templates"),
    path("mappings/<str:name>/templates/new/", templates.template_detail, name="mapping-template-new"),
    path("mappings/<str:name>/templates/<int:pk>/", templates.template_detail, name="mapping-template"),
    path("options/", options.option_list, name="option-list"),
    path("options/<str:name>/<uuid:key>/", options.option_setup, name="option-setup"),
]

urlpatterns = [path("c/<slug:connection>/", include(connection_pages))]
