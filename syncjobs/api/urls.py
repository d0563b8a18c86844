"""Addresses of jobs, operations, schedules, full synchronisations and of the hub's status."""

from django.urls import path

from syncjobs.api import configuration, customers, documents, documents_quotes, full_synchs, jobs, schedules, status

_CONNECTION = "connections/<slug:connection>"
_JOB = f"{_CONNECTION}/jobs/<int:pk>"
_OPERATION = f"{_CONNECTION}/operations/<int:pk>"
_SCHEDULE = f"{_CONNECTION}/schedules/<str:name>"
_FULL_SYNCH = f"{_CONNECTION}/full-synchs/<int:pk>"

urlpatterns = [
    path("status/", status.Status.as_view(), name="api-status"),
    path(f"{_CONNECTION}/sales-orders/", documents.SalesOrderList.as_view(), name="api-sales-order-list"),
    path(
        f"{_CONNECTION}/sales-orders/<uuid:key>/create-in-business-central/",
        documents.CreateInBusinessCentral.as_view(),
        name="api-sales-order-create",
    ),
    path(f"{_CONNECTION}/sales-quotes/", documents_quotes.SalesQuoteList.as_view(), name="api-sales-quote-list"),
    path(
        f"{_CONNECTION}/sales-quotes/<uuid:key>/process-in-business-central/",
        documents_quotes.ProcessInBusinessCentral.as_view(),
        name="api-sales-quote-process",
    ),
    path(
        f"{_CONNECTION}/sales-quotes/<uuid:key>/versions/",
        documents_quotes.SalesQuoteVersions.as_view(),
        name="api-sales-quote-versions",
    ),
    path(
        f"{_CONNECTION}/couplings/<int:pk>/statistics/",
        customers.CustomerStatistics.as_view(),
        name="api-coupling-statistics",
    ),
    path(f"{_CONNECTION}/jobs/", jobs.JobList.as_view(), name="api-job-list"),
    path(f"{_JOB}/", jobs.JobDetail.as_view(), name="api-job-detail"),
    path(f"{_JOB}/log/", jobs.JobLog.as_view(), name="api-job-log"),
    path(f"{_JOB}/cancel/", jobs.JobCancel.as_view(), name="api-job-cancel"),
    path(f"{_JOB}/undo/", jobs.JobUndo.as_view(), name="api-job-undo"),
    path(f"{_CONNECTION}/operations/", jobs.OperationList.as_view(), name="api-operation-list"),
    path(f"{_OPERATION}/retry/", jobs.OperationRetry.as_view(), name="api-operation-retry"),
    path(f"{_OPERATION}/resolve/", jobs.OperationResolve.as_view(), name="api-operation-resolve"),
    path(f"{_CONNECTION}/configuration/", configuration.Configuration.as_view(), name="api-configuration"),
    path(f"{_CONNECTION}/schedules/", schedules.ScheduleList.as_view(), name="api-schedule-list"),
    path(f"{_SCHEDULE}/", schedules.ScheduleDetail.as_view(), name="api-schedule-detail"),
    path(f"{_SCHEDULE}/run/", schedules.ScheduleRun.as_view(), name="api-schedule-run"),
    path(f"{_CONNECTION}/full-synchs/", full_synchs.FullSynchList.as_view(), name="api-full-synch-list"),
    path(f"{_FULL_SYNCH}/", full_synchs.FullSynchDetail.as_view(), name="api-full-synch-detail"),
    path(f"{_FULL_SYNCH}/restart/", full_synchs.FullSynchRestart.as_view(), name="api-full-synch-restart"),
    path(f"{_FULL_SYNCH}/accept/", full_synchs.FullSynchAccept.as_view(), name="api-full-synch-accept"),
    path(f"{_FULL_SYNCH}/retry/", full_synchs.FullSynchRetry.as_view(), name="api-full-synch-retry"),
    path(f"{_FULL_SYNCH}/pause/", full_synchs.FullSynchPause.as_view(), name="api-full-synch-pause"),
    path(f"{_FULL_SYNCH}/resume/", full_synchs.FullSynchResume.as_view(), name="api-full-synch-resume"),
    path(f"{_FULL_SYNCH}/cancel/", full_synchs.FullSynchCancel.as_view(), name="api-full-synch-cancel"),
]
