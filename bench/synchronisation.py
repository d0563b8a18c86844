"""Full and incremental synchronisation by the hub beside a record-at-a-time loop over the same data, in one run.

    make bench                                  the sizes of docs/benchmarks.md, about half an hour on two cores
    make bench ARGS="--records 2000 --large 10000"     a smaller one
    make bench ARGS="--only memory --sizes 1000,20000,100000"

Starts a hub and a sandbox of its own in a temporary directory, sets the sandbox's latency to that of the real services,
and prints for each step time, requests, processor time of the hub's processes and the peak memory of a worker.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from bench.installation import LATENCY, LIMITS, NO_LATENCY, NO_LIMITS, Installation, installation
from bench.record_at_a_time import Loop, Place, accounts_to_business_central, customers_to_sales
from bench.report import Report, Run
from sandbox.identity.clients import GUEST_CLIENT_ID, GUEST_CLIENT_SECRET

TIMES_FASTER = 40
SHARE_OF_CEILING = 0.85
REQUESTS_PER_THOUSAND = 12
CPU_PER_THOUSAND = 1.0
PEAK_MB = 300
INCREMENTAL_REQUESTS, INCREMENTAL_CPU = 15, 2.0
CHANGES = 100
SALES_CEILING = LIMITS["sales"]["execution_seconds_per_5_minutes"] / 300 / LATENCY["sales"]["per_operation_ms"] * 1000
"""Records a second into Sales: what the execution time of five minutes allows at the latency of a record."""
BC_CEILING = (
    LIMITS["business_central"]["concurrent"]
    * 100
    / ((LATENCY["business_central"]["base_ms"] + 100 * LATENCY["business_central"]["per_operation_ms"]) / 1000)
)
"""Records a second into Business Central: so many batches at once, 100 to a batch."""
_PREREQUISITES = ("CURRENCY", "PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT", "SALESPEOPLE")


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="couplet-bench-", ignore_cleanup_errors=True) as directory:
        place = Path(arguments.data_dir or directory)
        with installation(place, workers=arguments.workers, first_port=arguments.port) as hub:
            logging.disable(logging.INFO)
            bench = Bench(hub, arguments)
            bench.introduce()
            for name, step in bench.steps().items():
                if not arguments.only or name in arguments.only:
                    step()
            bench.report.summary()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="records of the first full synchronisations")
    parser.add_argument("--central", type=int, default=20_000, help="records of the one into Business Central")
    parser.add_argument("--large", type=int, default=100_000, help="coupled records of the incremental run")
    parser.add_argument("--sizes", default="1000,20000", help="further sizes of which the peak memory is compared")
    parser.add_argument("--sample", type=int, default=300, help="records of the record-at-a-time loop")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--only", nargs="*", choices=list(Bench.STEPS), help="only these steps")
    parser.add_argument("--detail", action="store_true", help="say which requests")
    parser.add_argument("--port", type=int, help="this port and the two after it instead of free ones")
    parser.add_argument("--data-dir", help="keep the hub's data there")
    return parser.parse_args()


class Bench:
    """The steps of the bench over one installation; each begins with new data."""

    STEPS = ("to-sales", "to-business-central", "limits", "incremental", "quiet", "workers", "waiting", "memory")

    def __init__(self, hub: Installation, arguments: argparse.Namespace) -> None:
        self.hub, self.arguments, self.report = hub, arguments, Report()

    def steps(self) -> dict[str, Callable[[], None]]:
        steps = (
            self.to_sales, self.to_business_central, self.limits, self.incremental, self.quiet, self.workers,
            self.waiting, self.memory,
        )  # fmt: skip
        return dict(zip(self.STEPS, steps, strict=True))

    def introduce(self) -> None:
        memory = psutil.virtual_memory().total / 2**30
        load = os.getloadavg()[0]
        print(
            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores,"
            f" {memory:.0f} GB; load before the bench {load:.1f}. The sandbox shares the cores with the hub, so the"
            " processor times are the figures to compare."
        )
        sales, central = LATENCY["sales"], LATENCY["business_central"]
        print(
            f"Latency: Sales {sales['base_ms']} ms a request and {sales['per_operation_ms']} ms a written record,"
            f" Business Central {central['base_ms']} ms and {central['per_operation_ms']} ms."
            f" {self.arguments.workers} workers."
        )

    def to_sales(self) -> None:
        count = self.arguments.records
        self.report.heading(f"First full synchronisation of {count:,} customers into an empty Sales, limits off")
        self._start_over(customers=count)
        self.hub.sandbox.behave(latency=LATENCY, limits=NO_LIMITS)
        loop = customers_to_sales(self._place(), self.arguments.sample)
        self._say(loop)
        # The loop's accounts are in the way of the hub's.
        self._start_over(customers=count)
        self.hub.sandbox.behave(latency=LATENCY, limits=NO_LIMITS)
        run = self._run("CUSTOMER", "full", creating=True, title="Hub, first full run")
        self._compare(run, loop, TIMES_FASTER)
        self._figures(run)
        self._run("CUSTOMER", "modified", title="Hub, first incremental run: Sales tells back what was written")
        self._run("CUSTOMER", "modified", title="Hub, incremental run with nothing changed")
        self._run("CUSTOMER", "full", title="Hub, full run with nothing changed")

    def to_business_central(self) -> None:
        count = self.arguments.central
        self.report.heading(
            f"First full synchronisation of {count:,} accounts into an empty Business Central, limits on"
        )
        self._start_over(accounts=count)
        self.hub.sandbox.behave(latency=LATENCY, limits=LIMITS)
        loop = accounts_to_business_central(self._place(), self.arguments.sample)
        self._say(loop)
        self._start_over(accounts=count)
        self.hub.sandbox.behave(latency=LATENCY, limits=LIMITS)
        run = self._run("CUSTOMER", "full", creating=True, title="Hub, first full run")
        self.report.note(f"Ratio to record at a time: {run.per_second / loop.per_second:.0f}")
        self._ceiling(run, BC_CEILING, "Business Central")
        self._figures(run)

    def limits(self) -> None:
        count = self.arguments.records
        self.report.heading(f"First full synchronisation of {count:,} customers into Sales, the services' limits on")
        self._start_over(customers=count)
        self.hub.sandbox.behave(latency=LATENCY, limits=LIMITS)
        run = self._run("CUSTOMER", "full", creating=True, title="Hub, first full run")
        self._ceiling(run, SALES_CEILING, "Sales")
        self._figures(run)

    def incremental(self) -> None:
        count = self.arguments.large
        self.report.heading(f"{CHANGES} changes among {count:,} customers")
        self._start_over(customers=count)
        self.hub.sandbox.behave(latency=NO_LATENCY, limits=NO_LIMITS)
        first = self._run("CUSTOMER", "full", creating=True, title="To begin with, without latency")
        self.report.aim(first.usage.peak_mb < PEAK_MB, f"peak of a worker {first.usage.peak_mb:.0f} MB < {PEAK_MB} MB")
        self._run("CUSTOMER", "modified", title="Sales tells back what was written")
        self.hub.sandbox.behave(latency=LATENCY, limits=LIMITS)
        self._change_customers(CHANGES)
        run = self._run("CUSTOMER", "modified", title=f"Hub, incremental run of {CHANGES} changes", records=CHANGES)
        text = f"{run.requests} requests <= {INCREMENTAL_REQUESTS} for {CHANGES} changes among {count:,}"
        self.report.aim(run.requests <= INCREMENTAL_REQUESTS, text)
        text = f"{run.usage.hub_cpu:.2f} s of hub CPU <= {INCREMENTAL_CPU:.0f} s"
        self.report.aim(run.usage.hub_cpu <= INCREMENTAL_CPU, text)

    def quiet(self) -> None:
        self.report.heading("All mappings, nothing changed")
        self._start_over(customers=500, contacts=500, items=200)
        self.hub.sandbox.behave(latency=LATENCY, limits=NO_LIMITS)
        self.hub.run_full_synch()
        self.hub.run_full_synch()
        self._measure("Hub, full synchronisation of all mappings", 0, self.hub.run_full_synch)

    def workers(self) -> None:
        """What a second worker brings: the share of the time in which two of them were on the job."""
        from syncjobs.models import JobSlice, SynchJob

        count = self.arguments.records
        self.report.heading(f"Workers on one mapping, {count:,} customers")
        self._start_over(customers=count)
        self.hub.sandbox.behave(latency=LATENCY, limits=NO_LIMITS)
        run = self._run("CUSTOMER", "full", creating=True, title="Hub, first full run")
        job = SynchJob.objects.order_by("-id").first()
        slices = JobSlice.objects.filter(job=job).count()
        self.report.note(
            f"{slices} slices over {self.arguments.workers} workers; {run.usage.hub_cpu / run.seconds:.2f} cores used."
            " Compare with --workers 1."
        )

    def waiting(self) -> None:
        """How long somebody waits for one record while all workers are busy with a full run of the same table."""
        count = self.arguments.records
        self.report.heading(f"Synchronize Now during a full run of {count:,} customers")
        self._start_over(customers=count)
        # The limits would make everybody wait for what the steps before have used up.
        self.hub.sandbox.behave(latency=LATENCY, limits=NO_LIMITS)
        seconds = self.hub.waits_during("CUSTOMER", times=5)
        self.report.note("Waited for one record: " + ", ".join(f"{each:.1f} s" for each in seconds))

    def memory(self) -> None:
        self.report.heading("Peak memory of a worker by number of records")
        self.report.note("A job's process begins with what its worker had imported, about 80 MB.")
        peaks = {}
        for size in (int(text) for text in self.arguments.sizes.split(",")):
            self._start_over(customers=size)
            self.hub.sandbox.behave(latency=NO_LATENCY, limits=NO_LIMITS)
            run = self._run("CUSTOMER", "full", creating=True, title=f"{size:,} customers, without latency")
            peaks[size] = run.usage.peak_mb
            again = self._run("CUSTOMER", "full", title=f"{size:,} again, nothing changed")
            peaks[size] = max(peaks[size], again.usage.peak_mb)
        for size, peak in peaks.items():
            self.report.aim(peak < PEAK_MB, f"{size:,} records: peak of a worker {peak:.0f} MB < {PEAK_MB} MB")

    def _start_over(self, **numbers: int) -> None:
        from coupling.models import TableMapping

        self.hub.sandbox.behave(latency=NO_LATENCY, limits=NO_LIMITS)
        self.hub.start_over(**numbers)
        offered = TableMapping.objects.filter(enabled=True, available=True, name__in=_PREREQUISITES)
        self.hub.run_full_synch(list(offered.values_list("name", flat=True)))

    def _run(self, name: str, mode: str, *, title: str, creating: bool = False, records: int | None = None) -> Run:
        return self._measure(title, records, lambda: self.hub.run(name, mode, creating=creating))

    def _measure(self, title: str, records: int | None, work: Callable[[], Any]) -> Run:
        from syncjobs.models import SynchJob

        self.hub.sandbox.forget_requests()
        with self.hub.processes.measured() as usage:
            done = work()
        if records is None:
            # A record that was created and then completed counts once.
            records = done.inserted or done.modified + done.deleted + done.unchanged
        run = Run(
            title=title,
            records=records,
            written=done.inserted + done.modified + done.deleted if isinstance(done, SynchJob) else 0,
            seconds=(done.finished_at - done.created_at).total_seconds(),
            usage=usage,
            counters=self.hub.sandbox.requests(),
            message=f"{done.state}. {done.message}",
            throttled_seconds=getattr(done, "throttled_seconds", 0.0),
        )
        self.report.run(run, detail=self.arguments.detail)
        return run

    def _compare(self, run: Run, loop: Loop, wanted: float) -> None:
        ratio = run.per_second / loop.per_second
        self.report.aim(ratio >= wanted, f"{ratio:.0f} times as fast as record at a time (>= {wanted:.0f})")

    def _ceiling(self, run: Run, ceiling: float, name: str) -> None:
        share = run.per_second / ceiling
        text = (
            f"{share:.0%} of the {ceiling:.0f} records/s that the limits leave into {name} (>= {SHARE_OF_CEILING:.0%})"
        )
        self.report.aim(share >= SHARE_OF_CEILING, text)

    def _figures(self, run: Run) -> None:
        requests, cpu = run.per_thousand_written(run.requests), run.per_thousand_written(run.usage.hub_cpu)
        text = f"{requests:.1f} requests per 1,000 written records <= {REQUESTS_PER_THOUSAND}"
        self.report.aim(requests <= REQUESTS_PER_THOUSAND, text)
        self.report.aim(
            cpu < CPU_PER_THOUSAND, f"{cpu:.2f} s of hub CPU per 1,000 written records < {CPU_PER_THOUSAND:.0f} s"
        )
        self.report.aim(run.usage.peak_mb < PEAK_MB, f"peak of a worker {run.usage.peak_mb:.0f} MB < {PEAK_MB} MB")

    def _say(self, loop: Loop) -> None:
        self.report.note(
            f"Record at a time: {loop.records} records in {loop.seconds:.1f} s, {loop.per_second:.1f} records/s,"
            f" {1000 * loop.cpu / loop.records:.1f} s of CPU per 1,000 records, 2,000 requests per 1,000; scaled from"
            " this sample."
        )

    def _place(self) -> Place:
        connection, health = self.hub.connection, self.hub.sandbox.control("GET", "/health")
        return Place(
            url=self.hub.sandbox.url,
            tenant=health["tenant"],
            client_id=GUEST_CLIENT_ID,
            client_secret=GUEST_CLIENT_SECRET,
            environment=health["environment"],
            company_id=str(connection.company_id),
            ca_file=str(self.hub.data_dir / "sandbox" / "ca.pem"),
        )

    def _change_customers(self, count: int) -> None:
        """Past the hub, as people would."""
        from connector.bulk import BulkWriter, Write
        from connector.clients import business_central_client
        from coupling.models import Coupling

        keys = Coupling.objects.filter(mapping__name="CUSTOMER").order_by("bc_key").values_list("bc_key", flat=True)
        writes = [
            Write(number, "update", "customers", key, {"phoneNumber": f"+49 30 {number:07d}"})
            for number, key in enumerate(keys[:count])
        ]
        for _ in BulkWriter(business_central_client(self.hub.connection)).run(writes, before_send=lambda _: None):
            pass


if __name__ == "__main__":
    main()
