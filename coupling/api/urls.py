"""Addresses of mappings, records and couplings below one connection."""

from django.urls import path

from coupling.api import couplings, links, mappings, matching, new_records, records

_CONNECTION = "connections/<slug:connection>"
_MAPPING = f"{_CONNECTION}/mappings/<str:name>"
_COUPLING = f"{_CONNECTION}/couplings/<int:pk>"

urlpatterns = [
    path(f"{_CONNECTION}/mappings/", mappings.MappingList.as_view(), name="api-mapping-list"),
    path(f"{_MAPPING}/", mappings.MappingDetail.as_view(), name="api-mapping-detail"),
    path(f"{_MAPPING}/fields/", mappings.FieldList.as_view(), name="api-field-list"),
    path(f"{_MAPPING}/fields/<int:pk>/", mappings.FieldDetail.as_view(), name="api-field-detail"),
    path(f"{_MAPPING}/templates/", mappings.TemplateList.as_view(), name="api-template-list"),
    path(f"{_MAPPING}/templates/<int:pk>/", mappings.TemplateDetail.as_view(), name="api-template-detail"),
    path(f"{_MAPPING}/synchronize/", mappings.MappingSynchronize.as_view(), name="api-mapping-synchronize"),
    path(f"{_MAPPING}/match/", mappings.MappingMatch.as_view(), name="api-mapping-match"),
    path(f"{_MAPPING}/match/<int:job>/lines/", matching.Lines.as_view(), name="api-match-lines"),
    path(f"{_MAPPING}/match/<int:job>/accept/", matching.AcceptLines.as_view(), name="api-match-accept"),
    path(f"{_MAPPING}/suggestions/", matching.Lines.as_view(), name="api-suggestion-list"),
    path(f"{_MAPPING}/suggestions/accept/", matching.AcceptLines.as_view(), name="api-suggestion-accept"),
    path(f"{_MAPPING}/suggestions/refresh/", matching.SuggestionRefresh.as_view(), name="api-suggestion-refresh"),
    path(f"{_MAPPING}/queue/", matching.Queue.as_view(), name="api-queue"),
    path(f"{_MAPPING}/queue/decide/", matching.QueueDecide.as_view(), name="api-queue-decide"),
    path(f"{_CONNECTION}/ruled-out/", matching.RuledOutList.as_view(), name="api-ruled-out-list"),
    path(f"{_CONNECTION}/ruled-out/<int:pk>/", matching.RuledOutDetail.as_view(), name="api-ruled-out-detail"),
    path(f"{_MAPPING}/find-broken/", mappings.MappingFindBroken.as_view(), name="api-mapping-find-broken"),
    path(f"{_CONNECTION}/records/<str:system>/<str:table>/", records.RecordList.as_view(), name="api-record-list"),
    path(f"{_CONNECTION}/couplings/", couplings.CouplingList.as_view(), name="api-coupling-list"),
    path(f"{_CONNECTION}/couplings/create/", couplings.CouplingCreate.as_view(), name="api-coupling-create"),
    path(f"{_CONNECTION}/couplings/bulk/", couplings.CouplingBulk.as_view(), name="api-coupling-bulk"),
    path(f"{_CONNECTION}/couplings/changes/", links.ChangeList.as_view(), name="api-coupling-change-list"),
    path(
        f"{_CONNECTION}/couplings/changes/<uuid:deed>/undo/",
        links.ChangeUndo.as_view(),
        name="api-coupling-change-undo",
    ),
    path(f"{_MAPPING}/uncouple/", links.MappingUncouple.as_view(), name="api-mapping-uncouple"),
    path(f"{_MAPPING}/options/", links.OptionList.as_view(), name="api-option-list"),
    path(f"{_MAPPING}/options/<int:pk>/", links.OptionDetail.as_view(), name="api-option-detail"),
    path(f"{_MAPPING}/duplicates/<str:system>/<uuid:key>/", links.DuplicateList.as_view(), name="api-duplicate-list"),
    path(f"{_MAPPING}/new/<str:system>/<uuid:key>/", new_records.NewRecord.as_view(), name="api-new-record"),
    path(f"{_COUPLING}/", couplings.CouplingDetail.as_view(), name="api-coupling-detail"),
    path(f"{_COUPLING}/synchronize/", couplings.CouplingSynchronize.as_view(), name="api-coupling-synchronize"),
    path(f"{_COUPLING}/retry/", couplings.CouplingRetry.as_view(), name="api-coupling-retry"),
    path(f"{_COUPLING}/restore/", couplings.CouplingRestore.as_view(), name="api-coupling-restore"),
    path(f"{_COUPLING}/delete-record/", couplings.CouplingDeleteRecord.as_view(), name="api-coupling-delete-record"),
]
