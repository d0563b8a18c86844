"""How few requests a run needs to learn that little or nothing changed, by the sandbox's own count."""

from connector.choices import System
from coupling.models import BusinessCentralRecord, Coupling
from syncjobs.choices import JobMode, JobState, ScheduleState
from syncjobs.engine.tables import TableReading
from syncjobs.models import FullSynch, Schedule
from syncjobs.services import watching
from syncjobs.services.full_synch import start_full_synch
from syncjobs.services.schedules import ensure_schedules
from tests.engine.live import CREATING, Hub


def full_synch(hub: Hub) -> FullSynch:
    """Of all mappings; the queue of the tests runs jobs at once, so it has ended when this returns."""
    started = start_full_synch(connection=hub.connection)
    started.refresh_from_db()
    return started


def test_full_synchronisation_without_changes_asks_for_all_tables_together(hub: Hub) -> None:
    hub.create_customers(3)
    assert full_synch(hub).state == JobState.SUCCEEDED
    full_synch(hub)
    hub.requests()
    assert full_synch(hub).state == JobState.SUCCEEDED
    counters = hub.requests()
    assert sum(system["requests"] for system in counters.values()) <= 15, counters


def test_lines_do_not_share_a_reading_across_a_write_of_theirs(hub: Hub) -> None:
    """A new customer brings a company contact with it, which a reading from before would lack."""
    account = hub.sales.create("accounts", name="Contoso", customertypecode=3)
    full_synch(hub)
    assert Coupling.objects.filter(mapping__name="CUSTOMER", sales_key=account).exists()
    contacts = BusinessCentralRecord.objects.of_table(hub.connection.pk, "contacts")
    assert contacts.filter(name="Contoso").exists()


def test_run_of_one_mapping_asks_once_for_each_service(hub: Hub) -> None:
    hub.create_customers(3)
    hub.run_full("CUSTOMER")
    hub.run("CUSTOMER")
    hub.requests()
    job = hub.run("CUSTOMER")
    assert job.state == JobState.SUCCEEDED
    assert hub.request_count() <= 4


def test_first_reading_has_the_values_of_all_services(hub: Hub) -> None:
    hub.create_customers(2)
    hub.run("CUSTOMER", JobMode.FULL, options=CREATING)
    services = TableReading(hub.connection, System.BUSINESS_CENTRAL, "customers").services
    names = {name for names in services.values() for name in names}
    assert names
    for record in BusinessCentralRecord.objects.of_table(hub.connection.pk, "customers"):
        assert names <= record.values.keys()


def test_look_for_changes_takes_a_request_for_each_service(hub: Hub) -> None:
    hub.create_customers(2)
    full_synch(hub)
    ensure_schedules(connection=hub.connection)
    Schedule.objects.update(state=ScheduleState.IDLE)
    watching.look_for_changes(connection_id=hub.connection.pk)
    Schedule.objects.update(state=ScheduleState.IDLE)
    hub.requests()
    watching.look_for_changes(connection_id=hub.connection.pk)
    # Unit groups are derived from two tables, which are read and counted by themselves.
    assert hub.request_count() <= 9
