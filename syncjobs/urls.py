"""Addresses of the pages about synchronisation."""

from django.urls import include, path

from syncjobs.views import (
    configuration,
    conflicts,
    errors,
    full_synch,
    home,
    job_actions,
    jobs,
    mappings,
    operations,
    schedules,
    search,
)

connection_pages = [
    path("search/", search.quick_search, name="quick-search"),
    path("jobs/", jobs.JobList.as_view(), name="job-list"),
    path("jobs/<int:pk>/", jobs.job_detail, name="job-detail"),
    path("jobs/<int:pk>/log/", jobs.job_log, name="job-log"),
    path("jobs/<int:pk>/cancel/", job_actions.job_cancel, name="job-cancel"),
    path("jobs/<int:pk>/retry/", job_actions.job_retry, name="job-retry"),
    path("jobs/<int:pk>/undo/", job_actions.job_undo, name="job-undo"),
    path("jobs/<int:pk>/delete/", job_actions.job_delete, name="job-delete"),
    path("operations/", operations.OperationList.as_view(), name="operation-list"),
    path("operations/<int:pk>/", operations.operation_detail, name="operation-detail"),
    path("operations/<int:pk>/retry/", conflicts.operation_retry, name="operation-retry"),
    path("operations/<int:pk>/resolve/", conflicts.operation_resolve, name="operation-resolve"),
    path("mappings/", mappings.MappingList.as_view(), name="mapping-list"),
    path("mappings/configuration/", configuration.configuration, name="configuration"),
    path("mappings/configuration/export/", configuration.configuration_export, name="configuration-export"),
    path("mappings/configuration/<int:pk>/", configuration.configuration_copy, name="configuration-copy"),
    path("mappings/configuration/<int:pk>/delete/", configuration.configuration_delete, name="configuration-delete"),
    path("mappings/reset/", configuration.mapping_reset, name="mapping-reset"),
    path("mappings/<str:name>/delete/", mappings.mapping_delete, name="mapping-delete"),
    path("mappings/<str:name>/", mappings.mapping_detail, name="mapping-detail"),
    path("mappings/<str:name>/fields/", mappings.mapping_fields, name="mapping-fields"),
    path("mappings/<str:name>/synchronize/", mappings.mapping_synchronize, name="mapping-synchronize"),
    path("errors/", errors.ErrorList.as_view(), name="error-list"),
    path("errors/retry/", errors.retry_coupled, name="error-retry"),
    path("errors/uncoupled/", errors.CreationErrorList.as_view(), name="error-uncoupled"),
    path("errors/uncoupled/retry/", errors.retry_cause, name="error-uncoupled-retry"),
    path("schedules/", schedules.ScheduleList.as_view(), name="schedule-list"),
    path("schedules/<str:name>/", schedules.schedule_edit, name="schedule-edit"),
    path("schedules/<str:name>/action/", schedules.schedule_action, name="schedule-action"),
    path("full-synch/", full_synch.review, name="full-synch-review"),
    path("full-synch/start/", full_synch.start, name="full-synch-start"),
    path("full-synch/preview/", full_synch.preview, name="full-synch-preview"),
    path("full-synch/<int:pk>/restart/", full_synch.restart, name="full-synch-restart"),
    path("full-synch/<int:pk>/cancel/", full_synch.cancel, name="full-synch-cancel"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("c/<slug:connection>/", include(connection_pages)),
]
