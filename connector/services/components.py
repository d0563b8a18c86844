"""What the hub makes use of in Sales besides the tables themselves: what is there, missing or different; and repair.

None of it is needed to synchronise; each part says what is lost without it. What comes with Business Central's base
solution can only be installed with it, so repair is about rows and settings: the company's row, the order switch,
change tracking of the tables that are mapped.
"""

from dataclasses import dataclass
from typing import Any

from connector.choices import SalesOrderIntegration, System
from connector.clients import INTERACTIVE, sales_client
from connector.errors import ErrorKind, HubError, RemoteError
from connector.models import Connection
from connector.provisioning import needed_tables
from connector.sales import SalesClient
from connector.services import facts, order_integration
from connector.services.checks import listed
from connector.services.report import Concern, Report
from connector.services.sales_checks import SalesChecks

_STATISTICS = "nav_accountstatistics"
_ORDER_COLUMN = "bcbi_businesscentralordernumber"
_SOLUTION = (
    "AppSource > Business Central base integration solution: install it in the environment, or let Business Central do "
    "so on its page Dataverse Connection Setup and disable that again."
)
_REPAIR = "Repair does it, while the connection is disabled."


def look(connection: Connection, client: SalesClient) -> Report:
    """All parts, then the roles that the hub and its team have. Changes nothing."""
    parts = _Components(connection, client)
    checks = SalesChecks(connection, client)
    report = Report()
    report.run("sales", "Company table", parts.company_table)
    report.run("sales", "Company row", parts.company_row)
    report.run("sales", "Company columns", parts.company_columns)
    report.run("sales", "Account statistics", parts.statistics)
    report.run("sales", "Order columns", parts.order_columns)
    report.run("sales", "Change tracking", checks.tables)
    report.run("sales", "Order integration", parts.order_switch)
    report.run("sales", "Roles of the application user", checks.roles)
    report.run("sales", "Owning team", checks.owning_team)
    return report


def repair(connection: Connection, client: SalesClient) -> list[str]:
    """Makes and corrects what belongs to the hub; returns what was done, in sentences. Raises HubError."""
    done = []
    row = _row(connection, client)
    if facts.COMPANIES in client.tables() and connection.company_id is not None:
        if row is None:
            facts.make_company_row(connection, client)
            done.append("The row of the company was made.")
        elif row["bcbi_name"] != facts.company_name_in_sales(connection):
            client.session.send(
                "PATCH",
                f"{facts.COMPANIES}({row['bcbi_companyid']})",
                body={"bcbi_name": facts.company_name_in_sales(connection)},
                headers={"If-Match": "*"},
            )
            done.append("The row of the company has its present name.")
    done += [_track(client, table) for table in _untracked(connection, client)]
    if _switch_differs(connection, client):
        order_integration.switch_order_integration(connection, organisation=client.who_am_i().organization_id)
        done.append("The organisation's switch for order integration follows the connection.")
    return done


def _untracked(connection: Connection, client: SalesClient) -> list[str]:
    """Entity sets whose changes the mappings follow and Sales does not keep track of."""
    known = client.tables()
    wanted = {each.table for each in needed_tables(connection) if each.system == System.SALES}
    return sorted(table for table in wanted if table in known and not known[table].change_tracking)


def _track(client: SalesClient, table: str) -> str:
    """What became of switching change tracking on, as a sentence. Raises RemoteError for anything but a refusal."""
    try:
        tracked = client.track_changes(client.table(table).entity)
    except RemoteError as error:
        if error.kind is not ErrorKind.PERMISSION:
            raise
        return (
            f"Changes of {table} are not tracked: the application user may not change tables. Somebody with the role "
            "System Customizer switches it on, or gives the role to the user for this once."
        )
    return f"Changes of {table} are tracked now." if tracked else f"Sales cannot track changes of {table}."


def missing_for_orders(connection: Connection) -> str:
    """What orders do without in Sales, in words; empty where nothing is missing. Changes nothing."""
    try:
        _Components(connection, sales_client(connection, patience=INTERACTIVE)).order_columns()
    except Concern as concern:
        return f"{concern} {concern.hint}"
    except HubError as error:
        return f"Whether Sales has Business Central's base solution cannot be seen now: {error}"
    return ""


@dataclass(frozen=True, slots=True)
class _Components:
    """Each method is one part; a Concern says what is missing or different."""

    connection: Connection
    client: SalesClient

    def company_table(self) -> str:
        if facts.COMPANIES not in self.client.tables():
            raise Concern("Missing: rows of several companies in one environment cannot be told apart.", _SOLUTION)
        return "There."

    def company_row(self) -> str:
        if facts.COMPANIES not in self.client.tables():
            raise Concern("Missing, as its table is.", "")
        row = _row(self.connection, self.client)
        if row is None:
            raise Concern("Missing: rows that the hub makes carry no company until there is one.", _REPAIR)
        wanted = facts.company_name_in_sales(self.connection)
        if row["bcbi_name"] != wanted:
            raise Concern(f"Differs: it is called {row['bcbi_name']}, the company {wanted}.", _REPAIR)
        return f"There: {row['bcbi_name']}."

    def company_columns(self) -> str:
        there = facts.marked_tables(self.client)
        known = {info.entity: table for table, info in self.client.tables().items()}
        missing = sorted(known[name] for name in facts.MARKED if name in known and known[name] not in there)
        if missing:
            raise Concern(f"Missing on {listed(missing)}: their rows carry no company.", _SOLUTION)
        return f"There on all {len(there)} tables."

    def statistics(self) -> str:
        if not any(info.entity == _STATISTICS for info in self.client.tables().values()):
            raise Concern("Missing: accounts show no balances and sales of Business Central.", _SOLUTION)
        return "There."

    def order_columns(self) -> str:
        if _ORDER_COLUMN not in self.client.entity_metadata("salesorder").attributes:
            raise Concern("Missing: orders in Sales do not show their Business Central number.", _SOLUTION)
        return "There."

    def order_switch(self) -> str:
        if _switch_differs(self.connection, self.client):
            raise Concern("Differs from the connection's setting for sales orders.", f"{_REPAIR} Enabling does it too.")
        return "As the connection's setting for sales orders wants it."


def _row(connection: Connection, client: SalesClient) -> dict[str, Any] | None:
    if facts.COMPANIES not in client.tables() or connection.company_id is None:
        return None
    found = client.query(facts.COMPANIES, properties=["bcbi_name"], filter=facts.company_condition(connection))
    return next(({"bcbi_companyid": row.key, "bcbi_name": row.values["bcbi_name"]} for row in found), None)


def _switch_differs(connection: Connection, client: SalesClient) -> bool:
    """Only a switch that is off although orders are to be submitted counts: others may need one that is on."""
    if connection.sales_order_integration != SalesOrderIntegration.LEGACY:
        return False
    address = f"organizations({client.who_am_i().organization_id})?$select={order_integration.SWITCH}"
    return client.session.get(address).data.get(order_integration.SWITCH) is False
