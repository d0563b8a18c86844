"""Clients for Business Central that nobody here wrote, unmodified, against the sandbox over TLS.

`pybusinesscentral` is generated from a public OpenAPI description of the API and checks answers against strict models;
`python-odata` is a generic OData v4 client that builds its classes from `$metadata`.
"""

from collections.abc import Iterator

import pytest
import requests
from odata import ODataService
from odata.exceptions import ODataError
from pybusinesscentral import ApiClient, Configuration
from pybusinesscentral.api.account_api import AccountApi
from pybusinesscentral.api.company_api import CompanyApi
from pybusinesscentral.api.customer_api import CustomerApi
from pybusinesscentral.api.payment_term_api import PaymentTermApi
from pybusinesscentral.api.sales_invoice_api import SalesInvoiceApi
from pybusinesscentral.api.vendor_api import VendorApi
from pybusinesscentral.exceptions import ApiException, NotFoundException
from pybusinesscentral.model.post_customer_request import PostCustomerRequest
from pybusinesscentral.model.post_payment_term_request import PostPaymentTermRequest

from sandbox.datasets.company import COMPANY_ID, COMPANY_NAME
from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET
from sandbox.identity.tokens import BUSINESS_CENTRAL_AUDIENCE
from tests.sandbox.conftest import get_token
from tests.sandbox_process import SandboxServer

JSON = "application/json"


@pytest.fixture(scope="module")
def token(stranger: SandboxServer) -> str:
    stranger.reset("demo")
    form = {"client_id": GUEST_CLIENT_ID, "client_secret": GUEST_CLIENT_SECRET}
    return str(get_token(stranger, f"{BUSINESS_CENTRAL_AUDIENCE}/.default", **form).json()["access_token"])


# -- pybusinesscentral


@pytest.fixture(scope="module")
def client(stranger: SandboxServer, token: str) -> Iterator[ApiClient]:
    configuration = Configuration(host=f"{stranger.url}/v2.0/production/api/v2.0", ssl_ca_cert=stranger.ca_file)
    with ApiClient(configuration) as opened:
        opened.set_default_header("Authorization", f"Bearer {token}")
        yield opened


def test_companies_and_masters_fit_the_generated_models(client: ApiClient) -> None:
    (company,) = CompanyApi(client).list_companies().value
    assert (company.id, company.name) == (COMPANY_ID, COMPANY_NAME)
    customers = CustomerApi(client).list_customers(COMPANY_ID, top=300).value
    assert len(customers) == 300
    assert AccountApi(client).list_accounts(COMPANY_ID).value
    assert VendorApi(client).list_vendors(COMPANY_ID).value == []
    invoices = SalesInvoiceApi(client).list_sales_invoices(COMPANY_ID).value
    assert {invoice.status for invoice in invoices} == {"Draft", "Open", "Paid", "Canceled"}


def test_customer_life_cycle(client: ApiClient) -> None:
    api = CustomerApi(client)
    created = api.post_customer(COMPANY_ID, JSON, PostCustomerRequest(displayName="Generated GmbH", city="Ulm"))
    assert created.number
    assert api.get_customer(COMPANY_ID, created.id).city == "Ulm"
    changed = api.patch_customer(COMPANY_ID, created.id, JSON, "*", PostCustomerRequest(city="Bonn"))
    assert changed.city == "Bonn"
    with pytest.raises(ApiException) as stale:
        api.patch_customer(COMPANY_ID, created.id, JSON, 'W/"JzE="', PostCustomerRequest(city="Kiel"))
    assert stale.value.status == 409
    api.delete_customer(COMPANY_ID, created.id)
    with pytest.raises(NotFoundException):
        api.get_customer(COMPANY_ID, created.id)


def test_query_options_reach_the_service(client: ApiClient) -> None:
    api = CustomerApi(client)
    (found,) = api.list_customers(COMPANY_ID, filter="number eq 'C00010'", expand=["paymentTerm"]).value
    assert found.number == "C00010"
    assert len(api.list_customers(COMPANY_ID, top=5, skip=10).value) == 5
    with pytest.raises(ApiException) as refused:
        api.list_customers(COMPANY_ID, filter="number eq 'A' or displayName eq 'B'")
    assert refused.value.status == 501


def test_payment_terms_life_cycle(client: ApiClient) -> None:
    api = PaymentTermApi(client)
    body = PostPaymentTermRequest(code="GEN", displayName="Generated", dueDateCalculation="21D")
    created = api.post_payment_term(COMPANY_ID, JSON, body)
    assert (created.code, created.due_date_calculation) == ("GEN", "21D")
    api.delete_payment_term(COMPANY_ID, created.id)


# -- python-odata


@pytest.fixture(scope="module")
def service(stranger: SandboxServer, token: str) -> ODataService:
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {token}"})
    session.verify = stranger.ca_file
    url = f"{stranger.url}/v2.0/production/ODataV4/Company(Id={COMPANY_ID})/"
    return ODataService(
        url, session=session, reflect_entities=True, quiet_progress=True, extra_headers={"If-Match": "*"}
    )


def test_generic_client_reflects_every_page(service: ODataService) -> None:
    assert {"Resource_Card", "hub_Resources", "workflowCustomers", "Sales_Price_ListLines"} <= set(service.entities)


def test_generic_client_queries(service: ODataService) -> None:
    resource = service.entities["Resource_Card"]
    machines = list(service.query(resource).filter(resource.Type == "Machine").order_by(resource.No.desc()))
    assert {machine.Type for machine in machines} == {"Machine"}
    numbers = [machine.No for machine in machines]
    assert numbers == sorted(numbers, reverse=True)
    assert [row.No for row in service.query(resource).limit(2)] == ["R0010", "R0020"]
    assert service.query(resource).get("R0010").Unit_Price > 0
    agents = service.entities["Shipping_Agents"]
    assert [row["Code"] for row in service.query(agents).select(agents.Code)] == ["DHL", "FEDEX", "OWN LOG.", "UPS"]


def test_generic_client_reads_across_pages_of_the_server(service: ODataService) -> None:
    customers = service.entities["workflowCustomers"]
    service.default_context.connection.base_headers = {
        **service.default_context.connection.base_headers,
        "Prefer": "odata.maxpagesize=90",
    }
    assert len({row.number for row in service.query(customers)}) == 300


def test_generic_client_updates_and_deletes(service: ODataService) -> None:
    resource = service.entities["Resource_Card"]
    row = service.query(resource).get("R0200")
    row.Name = "Renamed"
    service.save(row)
    assert service.query(resource).get("R0200").Name == "Renamed"
    service.delete(service.query(resource).get("R0200"))
    with pytest.raises(ODataError):
        service.query(resource).get("R0200")
