"""`/sales/` and `/business-central/`: the same views over two workspaces."""

from django.urls import path, re_path

from sandbox.acting import views

_PRODUCT = r"^(?P<product>sales|business-central)/"
_AREA = _PRODUCT + r"(?P<area>\w+)/"

urlpatterns = [
    path("acting/style.css", views.stylesheet, name="acting-style"),
    path("main.aspx", views.open_row, name="acting-open-row"),
    re_path(_PRODUCT + r"$", views.home, name="acting-home"),
    re_path(_PRODUCT + r"act-as/$", views.act_as, name="acting-user"),
    re_path(_AREA + r"$", views.listing, name="acting-list"),
    re_path(_AREA + r"new/$", views.new, name="acting-new"),
    re_path(_AREA + r"(?P<key>[0-9a-fA-F-]{36})/$", views.record, name="acting-record"),
    re_path(_AREA + r"(?P<key>[0-9a-fA-F-]{36})/action/(?P<action>\w+)/$", views.act, name="acting-action"),
    re_path(_AREA + r"(?P<key>[0-9a-fA-F-]{36})/delete/$", views.delete, name="acting-delete"),
]
