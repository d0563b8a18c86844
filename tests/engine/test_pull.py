"""Reading both systems into the mirror."""

from uuid import uuid4

from django.utils import timezone

from connector.choices import System
from coupling.models import BusinessCentralRecord, DirtyPair, SalesRecord, TableCursor
from syncjobs.choices import JobMode
from syncjobs.engine import mirror
from syncjobs.engine.progress import Progress
from syncjobs.engine.pull import client_of, pull_table
from syncjobs.engine.tables import TableReading
from tests.engine.live import BC, SALES, Hub


def pull(hub: Hub, system: System, table: str, **arguments):
    """Pulls on behalf of a job, so that its log can be looked at."""
    job = hub.start("CUSTOMER")
    progress = Progress(job.pk)
    pulled = pull_table(
        connection=hub.connection,
        system=system,
        table=table,
        client=client_of(hub.connection, system, progress.meter),
        progress=progress,
        wanted_since=arguments.pop("wanted_since", timezone.now()),
        **arguments,
    )
    progress.flush()
    return pulled, job


def customer(hub: Hub, name: str = "Adatum") -> None:
    return hub.bc.create("customers", displayName=name)


def dirty(name: str) -> int:
    return DirtyPair.objects.filter(mapping__name=name).count()


def test_pull_stores_values_number_name_and_words(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Nordhavn Fisk A/S", city="Esbjerg")
    pull(hub, BC, "customers")
    row = BusinessCentralRecord.objects.get(table="customers", key=key)
    assert row.name == "Nordhavn Fisk A/S"
    assert row.number == hub.bc.row("customers", key, "number")["number"]
    assert row.values["city"] == "Esbjerg"
    assert "nordhavn" in row.search_text
    assert row.token


def test_pull_reads_properties_of_a_second_service_into_the_same_row(hub: Hub) -> None:
    key = customer(hub)
    pull(hub, BC, "customers")
    values = BusinessCentralRecord.objects.get(key=key).values
    assert {"primaryContactNumber", "shippingAgentCode"} <= values.keys()
    assert values["displayName"] == "Adatum"


def test_second_pull_without_changes_writes_nothing(hub: Hub) -> None:
    customer(hub)
    pull(hub, BC, "customers")
    before = BusinessCentralRecord.objects.values_list("read_at", flat=True).get()
    pulled, _ = pull(hub, BC, "customers")
    assert pulled.written == 0
    assert BusinessCentralRecord.objects.values_list("read_at", flat=True).get() == before


def test_uncoupled_record_is_dirty_only_where_the_mapping_may_create(hub: Hub) -> None:
    hub.connection.mappings.filter(name="CUSTOMER").update(synch_only_coupled_records=False)
    customer(hub)
    hub.sales.create("accounts", name="Adatum")
    pull(hub, BC, "customers")
    pull(hub, SALES, "accounts")
    assert dirty("CUSTOMER") == 2
    assert dirty("VENDOR") == 0


def test_changed_row_of_a_coupling_is_dirty_under_its_mapping_only(hub: Hub) -> None:
    hub.connection.mappings.filter(name="VENDOR").update(synch_only_coupled_records=False)
    key = customer(hub)
    hub.run_full("CUSTOMER")
    DirtyPair.objects.all().delete()
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.sales.update("accounts", coupling.sales_key, address1_city="Graz")
    pull(hub, SALES, "accounts")
    pair = DirtyPair.objects.get()
    assert (pair.mapping.name, pair.pair_key, pair.sales_key) == ("CUSTOMER", key, coupling.sales_key)


def test_change_of_a_property_that_nothing_maps_is_not_dirty(hub: Hub) -> None:
    key = customer(hub)
    hub.run_full("CUSTOMER")
    DirtyPair.objects.all().delete()
    hub.sales.update("accounts", hub.coupling("CUSTOMER", bc_key=key).sales_key, numberofemployees=12)
    pull(hub, SALES, "accounts")
    assert not DirtyPair.objects.exists()


def test_deletion_in_sales_marks_the_row_and_the_pair(hub: Hub) -> None:
    key = customer(hub)
    hub.run_full("CUSTOMER")
    coupling = hub.coupling("CUSTOMER", bc_key=key)
    hub.sales.delete("accounts", coupling.sales_key)
    pulled, _ = pull(hub, SALES, "accounts")
    assert pulled.deleted == 1
    assert SalesRecord.objects.get(key=coupling.sales_key).deleted_at
    assert DirtyPair.objects.filter(pair_key=key).exists()


def test_deletion_in_business_central_is_found_by_the_count(hub: Hub) -> None:
    customer(hub)
    gone = customer(hub, "Contoso")
    pull(hub, BC, "customers")
    hub.bc.delete("customers", gone)
    pulled, _ = pull(hub, BC, "customers")
    assert pulled.deleted == 1
    assert BusinessCentralRecord.objects.alive().count() == 1


def test_unchanged_count_costs_no_sweep(hub: Hub) -> None:
    customer(hub)
    pull(hub, BC, "customers")
    hub.requests()
    pull(hub, BC, "customers")
    # The changes, the count, and the changes that the two other services show of the same records.
    assert hub.requests()["business_central"]["requests"] == 4


def test_sweep_that_would_delete_too_many_stops_with_a_warning(hub: Hub) -> None:
    customer(hub)
    pull(hub, BC, "customers")
    reading = TableReading(hub.connection, BC, "customers")
    ghosts = [mirror.WireRecord(uuid4(), {"displayName": f"Ghost {n}"}, "x", None) for n in range(30)]
    mirror.store(reading, ghosts, read_at=timezone.now())
    pulled, job = pull(hub, BC, "customers")
    assert pulled.deleted == 0
    assert BusinessCentralRecord.objects.alive().count() == 31
    assert "not taken for deletions" in job.log.get().message


def test_expired_delta_reads_everything_and_finds_deletions(hub: Hub) -> None:
    kept = hub.sales.create("accounts", name="Kept")
    gone = hub.sales.create("accounts", name="Gone")
    pull(hub, SALES, "accounts")
    hub.sales.delete("accounts", gone)
    hub.sales.update("accounts", kept, name="Kept and renamed")
    hub.faults({"system": "sales", "match": "accounts", "method": "GET", "kind": "stale_delta", "count": 1})
    pulled, job = pull(hub, SALES, "accounts")
    assert pulled.deleted == 1
    assert SalesRecord.objects.get(key=kept).name == "Kept and renamed"
    assert "read again" in job.log.get().message


def test_new_property_reads_the_table_again(hub: Hub) -> None:
    key = hub.bc.create("customers", displayName="Adatum", website="adatum.example")
    hub.mapping("CUSTOMER").fields.filter(business_central_property="website").update(enabled=False)
    hub.connection.mappings.filter(business_central_table="customers").exclude(name="CUSTOMER").update(enabled=False)
    pull(hub, BC, "customers")
    assert "website" not in BusinessCentralRecord.objects.get(key=key).values
    hub.mapping("CUSTOMER").fields.filter(business_central_property="website").update(enabled=True)
    pull(hub, BC, "customers")
    assert BusinessCentralRecord.objects.get(key=key).values["website"] == "adatum.example"


def test_reading_of_another_worker_is_good_enough(hub: Hub) -> None:
    wanted = timezone.now()
    pull(hub, BC, "customers")
    hub.requests()
    pulled, _ = pull(hub, BC, "customers", wanted_since=wanted)
    assert pulled.skipped
    assert hub.request_count() == 0


def test_page_older_than_our_own_write_does_not_put_values_back(hub: Hub) -> None:
    key = customer(hub)
    pull(hub, BC, "customers")
    reading = TableReading(hub.connection, BC, "customers")
    asked_at = timezone.now()
    mirror.store_own(reading, [mirror.OwnWrite(key, {"displayName": "Ours"}, "newer")])
    stored = mirror.store(reading, [mirror.WireRecord(key, {"displayName": "Adatum"}, "older", None)], read_at=asked_at)
    assert stored.newer == [key]
    assert BusinessCentralRecord.objects.get(key=key).values["displayName"] == "Ours"


def test_cursor_stays_when_reading_fails_half_way(hub: Hub) -> None:
    hub.sales.create("accounts", name="Adatum")
    pull(hub, SALES, "accounts")
    before = TableCursor.objects.get(table="accounts").cursor
    hub.faults({"system": "sales", "match": "accounts", "method": "GET", "kind": "server_error", "count": 1000})
    job = hub.run("CUSTOMER")
    hub.faults()
    assert job.state == "failed"
    assert job.message
    assert job.hint
    assert TableCursor.objects.get(table="accounts").cursor == before


def test_first_modified_run_takes_everything(hub: Hub) -> None:
    hub.connection.mappings.filter(name="CUSTOMER").update(synch_only_coupled_records=False)
    customer(hub)
    job = hub.run("CUSTOMER", JobMode.MODIFIED)
    assert job.inserted == 1
