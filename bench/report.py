"""What the bench measured, as lines for people: a line per run, and which of the aims it meets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bench.processes import DATABASE, REDIS, SANDBOX, WEB, WORKERS, Usage


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run of the hub.

    `records` are those that times and rates refer to; `written` counts a record that was created on one side and
    completed on the other, with its new number for example, twice.
    """

    title: str
    records: int
    written: int
    seconds: float
    usage: Usage
    counters: dict[str, Any]
    message: str
    throttled_seconds: float = 0.0

    @property
    def requests(self) -> int:
        return sum(int(system["requests"]) for system in self.counters.values())

    @property
    def per_second(self) -> float:
        return self.records / self.seconds if self.seconds else 0.0

    def per_thousand(self, figure: float) -> float:
        return 1000 * figure / self.records if self.records else 0.0

    def per_thousand_written(self, figure: float) -> float:
        return 1000 * figure / self.written if self.written else 0.0


@dataclass
class Report:
    """Prints as it goes; `failed` are the aims that were missed."""

    aims: list[tuple[bool, str]] = field(default_factory=list)

    def heading(self, text: str) -> None:
        print(f"\n== {text}", flush=True)

    def note(self, text: str) -> None:
        print(f"   {text}", flush=True)

    def run(self, run: Run, *, detail: bool = False) -> None:
        usage = run.usage
        print(f"   {run.title}: {run.message}")
        print(
            f"      {run.seconds:.1f} s, {run.per_second:,.0f} records/s; {run.requests} requests"
            f" ({run.per_thousand(run.requests):.1f} per 1,000 records); hub CPU {usage.hub_cpu:.2f} s"
            f" ({run.per_thousand(usage.hub_cpu):.2f} s per 1,000); peak of a worker {usage.peak_mb:.0f} MB"
        )
        print(
            f"      of it: workers {usage.cpu[WORKERS]:.2f} s, web server {usage.cpu[WEB]:.2f} s, to which the systems"
            " announce what was written"
        )
        print(
            f"      beside it: database {usage.cpu[DATABASE]:.2f} s, Redis {usage.cpu[REDIS]:.2f} s,"
            f" sandbox {usage.cpu[SANDBOX]:.2f} s of CPU; waited {run.throttled_seconds:.0f} s for limits",
            flush=True,
        )
        for name, system in run.counters.items() if detail else ():
            for entry in sorted(system["by"], key=lambda row: -row["requests"])[:8]:
                print(f"      {name:17} {entry['method']:6} {entry['entity_set']:26} {entry['requests']:6} requests")

    def aim(self, met: bool, text: str) -> None:
        self.aims.append((met, text))
        print(f"   {'met   ' if met else 'MISSED'}  {text}", flush=True)

    def summary(self) -> None:
        self.heading("Aims")
        for met, text in self.aims:
            print(f"   {'met   ' if met else 'MISSED'}  {text}")
        print(flush=True)
