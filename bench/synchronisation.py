"""How many requests a full synchronisation costs, by the sandbox's own count.

    python -m bench.synchronisation --customers 20000 --sandbox http://127.0.0.1:8480

Drops the sandbox's data and everything that the hub knows of the connection, synchronises the customers into an empty
Sales, then runs again without a change. Prints requests per record over both systems, the time, and the peak memory of
the process.
"""

import argparse
import os
import resource
import time
from typing import Any

import django
import requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from connector.models import Connection  # noqa: E402
from connector.services.setup import reset_connection  # noqa: E402
from coupling.models import TableMapping  # noqa: E402
from syncjobs import tasks  # noqa: E402
from syncjobs.choices import JobMode, JobTrigger  # noqa: E402
from syncjobs.engine.options import RunOptions  # noqa: E402
from syncjobs.models import SynchJob  # noqa: E402
from syncjobs.services.jobs import start_job  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--sandbox", default="http://127.0.0.1:8480", help="The sandbox's plain HTTP address.")
    parser.add_argument("--connection", default="default")
    arguments = parser.parse_args()
    control = f"{arguments.sandbox}/sandbox"

    print(f"Loading {arguments.customers:,} customers into the sandbox …")
    requests.post(f"{control}/reset", json={"dataset": "bulk", "customers": arguments.customers}, timeout=600)
    connection = Connection.objects.get(slug=arguments.connection)
    reset_connection(connection=connection, confirm=connection.slug, user=None)
    connection.refresh_from_db()

    for name in ("CURRENCY", "PAYMENT TERMS", "SHIPMENT METHOD", "SALESPEOPLE"):
        mapping = TableMapping.objects.filter(connection=connection, name=name, available=True).first()
        if mapping is not None:
            measure(control, connection, mapping, JobMode.FULL)
    mapping = TableMapping.objects.get(connection=connection, name="CUSTOMER")
    measure(control, connection, mapping, JobMode.FULL)
    measure(control, connection, mapping, JobMode.MODIFIED)
    measure(control, connection, mapping, JobMode.MODIFIED)


def measure(control: str, connection: Connection, mapping: TableMapping, mode: JobMode) -> None:
    requests.delete(f"{control}/requests", timeout=60)
    options = RunOptions(ignore_only_coupled=mode == JobMode.FULL)
    job = start_job(
        connection=connection,
        mapping=mapping,
        mode=mode,
        trigger=JobTrigger.COMMAND,
        options=options,
        hand_over=False,
    )
    started = time.perf_counter()
    tasks.run_job(job.pk)
    seconds = time.perf_counter() - started
    job.refresh_from_db()
    report(job, requests.get(f"{control}/requests", timeout=60).json(), seconds)


def report(job: SynchJob, counters: dict[str, Any], seconds: float) -> None:
    sent = sum(system["requests"] for system in counters.values())
    records = job.inserted + job.modified + job.deleted
    share = f", 1 per {records / sent:.0f} records" if records and sent else ""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{job.mapping} {job.mode}: {job.state}. {job.message}")
    print(f"  {sent} requests{share}; {seconds:.1f} s, {records / seconds:,.0f} records/s; peak {memory:.0f} MB")
    for name, system in counters.items():
        for entry in sorted(system["by"], key=lambda row: -row["requests"])[:6]:
            print(
                f"    {name:17} {entry['method']:6} {entry['entity_set']:24}"
                f" {entry['requests']:6} requests {entry['operations']:8} operations"
            )


if __name__ == "__main__":
    main()
