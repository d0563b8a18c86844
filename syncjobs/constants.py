"""Figures of the engine that are not worth a setting, each with its reason."""

from datetime import timedelta

PAGE_ROWS = 5000
"""Rows per transaction of a pull: a page of Sales; bigger pages of Business Central are cut, to keep memory flat."""

SMALLEST_SLICE = 200
LARGEST_SLICE = 1000
"""Pairs per slice: enough that bulk messages are full; few enough that several workers share a job, and that some plan
or write to one system while others keep the other system busy."""

SWEEP_STOP_RECORDS = 20
SWEEP_STOP_SHARE = 0.2
"""A sweep that would mark more than both as deleted is taken for a lost permission, not for deletions."""

REPLANS_PER_RUN = 3
"""Times a pair that changes under our hands is planned again in one run; after that it waits for the next."""

SEND_ATTEMPTS = 3
"""Times a write whose outcome was unknown, and which had not happened, is sent again in one run."""

LONGEST_REQUEST = timedelta(minutes=8)
"""Business Central ends a request that runs for longer."""

CLOCK_SKEW = timedelta(minutes=10)
"""How far the remote clock may lag behind ours when a created record is looked for by its time."""

HEARTBEAT_SECONDS = 1.0
DEAD_AFTER = timedelta(seconds=30)
"""A live job without heartbeat for so long, and without a worker's lock, is taken up again."""

RESUMES = 20
"""Times a job is taken up again after its workers died before it is given up."""

PATIENCE_SECONDS = 60
"""How long a job about single pairs waits for another run that has these pairs in hand."""
