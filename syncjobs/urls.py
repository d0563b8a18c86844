"""Addresses of the pages about synchronisation."""

from django.urls import include, path

from syncjobs.views import errors, home, jobs, mappings, operations, search

connection_pages = [
    path("search/", search.quick_search, name="quick-search"),
    path("jobs/", jobs.JobList.as_view(), name="job-list"),
    path("jobs/<int:pk>/", jobs.job_detail, name="job-detail"),
    path("jobs/<int:pk>/log/", jobs.job_log, name="job-log"),
    path("operations/", operations.OperationList.as_view(), name="operation-list"),
    path("operations/<int:pk>/", operations.operation_detail, name="operation-detail"),
    path("mappings/", mappings.MappingList.as_view(), name="mapping-list"),
    path("mappings/<str:name>/", mappings.mapping_detail, name="mapping-detail"),
    path("mappings/<str:name>/fields/", mappings.mapping_fields, name="mapping-fields"),
    path("errors/", errors.ErrorList.as_view(), name="error-list"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("c/<slug:connection>/", include(connection_pages)),
]
