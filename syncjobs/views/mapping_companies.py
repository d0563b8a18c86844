"""Whether a mapping takes rows of every company of the environment; asked first, since it may make duplicates."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from config.web.confirm import confirmation_page, is_confirmed
from config.web.request import PageRequest
from coupling.exceptions import MappingError
from coupling.models import TableMapping
from coupling.services.companies import companies_of, is_multi_company, switch_companies, what_changes


@require_POST
def mapping_companies(request: PageRequest, connection: str, name: str) -> HttpResponse:
    mapping = get_object_or_404(
        TableMapping.objects.select_related("connection"), connection=request.connection, name=name
    )
    here = reverse("mapping-detail", kwargs={"connection": connection, "name": name})
    multi = not is_multi_company(mapping)
    if not is_confirmed(request):
        return confirmation_page(
            request,
            title=f"{'Rows of several companies' if multi else 'Only rows of this company'} in {name}?",
            text=what_changes(mapping),
            label="Change the filter",
            back=here,
            danger=multi,
        )
    try:
        switch_companies(mapping=mapping, multi=multi, user=request.user)
    except MappingError as error:
        messages.error(request, " ".join(problem for lines in error.fields.values() for problem in lines))
    else:
        found = companies_of(mapping)
        messages.success(request, f"{name} takes this now: {found.words.lower() if found else ''}.")
    return redirect(here)
