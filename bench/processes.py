"""What the processes of a hub use: processor seconds and peak memory, read from /proc.

A worker forks a process for each job. Processor time of a process that has ended is counted by its parent, so the sum
over the living ones with what their ended children used is complete. Peak memory of a job's process can only be read
while it lives, so a thread looks several times a second.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.1
_MARK = "COUPLET_SUPERVISED"
WORKERS, SCHEDULER, WEB, DATABASE, REDIS, SANDBOX = "workers", "scheduler", "web", "database", "redis", "sandbox"
HUB = (WORKERS, SCHEDULER, WEB)
"""The hub's own Python processes; database and Redis are said beside them."""

_BY_ARGUMENT = {
    "rqworker": WORKERS,
    "tick": SCHEDULER,
    "gunicorn": WEB,
    "sandbox": SANDBOX,
}


@dataclass
class Usage:
    """Of one stretch of work. `cpu` in seconds of user and system time by group, `peak_mb` of a single worker."""

    cpu: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0

    @property
    def hub_cpu(self) -> float:
        return sum(self.cpu.get(group, 0.0) for group in HUB)


class HubProcesses:
    """The processes that `manage.py up` started for a data directory. They have to run already."""

    def __init__(self, data_dir: Path, supervisor: int) -> None:
        self._roots: list[tuple[str, psutil.Process]] = []
        for process in psutil.Process(supervisor).children(recursive=True):
            if (group := _group(process, data_dir)) is not None:
                self._roots.append((group, process))

    @contextmanager
    def measured(self) -> Iterator[Usage]:
        """Fills in the usage of what happens inside; wait for the workers to be idle before leaving."""
        usage, stop = Usage(), threading.Event()
        before = self.cpu()
        watcher = threading.Thread(target=self._watch, args=(usage, stop), daemon=True)
        watcher.start()
        try:
            yield usage
        finally:
            stop.set()
            watcher.join()
            usage.cpu = {group: seconds - before[group] for group, seconds in self.cpu().items()}

    def cpu(self) -> dict[str, float]:
        """Seconds since the start, by group."""
        total = dict.fromkeys((*HUB, DATABASE, REDIS, SANDBOX), 0.0)
        for group, root in self._roots:
            for process in _family(root):
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    total[group] += times.user + times.system
                    # What living children's own ended children used is theirs to tell.
                    total[group] += times.children_user + times.children_system
        return total

    def busy(self) -> bool:
        """Whether a worker has a job's process at the moment."""
        return any(_children(root) for group, root in self._roots if group == WORKERS)

    def _watch(self, usage: Usage, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_SECONDS):
            for group, root in self._roots:
                if group == WORKERS:
                    usage.peak_mb = max([usage.peak_mb, *(_peak_mb(each.pid) for each in _children(root))])


def _group(process: psutil.Process, data_dir: Path) -> str | None:
    """Of a process that heads a group; workers of gunicorn, Postgres and RQ belong to their parents."""
    try:
        arguments, parent = process.cmdline(), process.parent()
        environment = process.environ()
    except psutil.Error:
        return None
    name = Path(arguments[0]).name if arguments else ""
    if name.startswith(("redis-server", "valkey-server")):
        return REDIS
    if name == "postgres" and str(data_dir) in " ".join(arguments):
        return DATABASE
    group = next((_BY_ARGUMENT[text] for text in arguments if text in _BY_ARGUMENT), None)
    is_child = group is not None and parent is not None and _same_command(parent, arguments)
    return group if group and not is_child and environment.get(_MARK) == str(data_dir) else None


def _same_command(process: psutil.Process, arguments: list[str]) -> bool:
    try:
        return process.cmdline() == arguments
    except psutil.Error:
        return False


def _family(root: psutil.Process) -> list[psutil.Process]:
    return [root, *_children(root)]


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = root.children(recursive=True)
    except psutil.Error:
        return []
    return found


def _peak_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "")
    return int(line.split()[1]) / 1024 if line else 0.0


def own_cpu() -> float:
    """Seconds of user and system time of this process."""
    times = os.times()
    return times.user + times.system
