"""Finding the Business Central company that a setting means: by id or by name."""

from typing import Any
from uuid import UUID

from connector.business_central import Company
from connector.clients import INTERACTIVE, business_central_client
from connector.errors import RemoteError, SettingsError
from connector.models import Connection, Credential


def available_companies(connection: Connection) -> list[Company]:
    """The companies that the connection's application may open. Raises RemoteError."""
    return business_central_client(connection, patience=INTERACTIVE).companies()


def find_company(connection: Connection, credential: Credential | None, value: str) -> dict[str, Any]:
    """`company_id` and `company_name` for an id or a name; both empty for "".

    `connection` carries the new settings, `credential` the new secret if there is one. An id is taken as it is while
    Business Central cannot be asked yet, so that settings may be entered in any order. Raises SettingsError.
    """
    value = value.strip()
    if not value:
        return {"company_id": None, "company_name": ""}
    if credential is not None:
        connection.credential = credential
    key = _as_key(value)
    try:
        companies = available_companies(connection)
    except RemoteError as error:
        if key is not None:
            return {"company_id": key, "company_name": connection.company_name if key == connection.company_id else ""}
        sentence = f"The company cannot be looked up by its name: {error}"
        raise SettingsError(sentence, fields={"company": [sentence]}) from error
    for company in companies:
        if company.id == key or value in (company.name, company.display_name):
            return {"company_id": company.id, "company_name": company.name}
    names = ", ".join(company.name for company in companies) or "none"
    sentence = f"The environment has no company {value}. Companies that the hub may open: {names}."
    raise SettingsError(sentence, fields={"company": [sentence]})


def _as_key(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
