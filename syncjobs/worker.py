"""The worker's class, which makes a task's process cheap to start.

RQ forks a process for every task. What the tasks need is imported here, in the process that is forked from: a quiet run
of a mapping would otherwise spend more time on importing than on its work.
"""

import gc
from typing import Any

from rq import Worker

from syncjobs import tasks  # noqa: F401  (imported for the forks)


class PreparedWorker(Worker):
    """RQ's own, with everything imported before it forks."""

    def work(self, *args: Any, **options: Any) -> bool:
        """As RQ's; imported objects are left out of garbage collection, so that forks share their memory."""
        gc.collect()
        gc.freeze()
        # A slice makes tens of thousands of objects and hardly a cycle: looking for them less often saves a tenth.
        gc.set_threshold(20_000, 20, 50)
        return bool(super().work(*args, **options))
