"""Puts the parts together: which path goes to which service, and how data is loaded and reset."""

import json
from pathlib import Path

from sandbox import datasets
from sandbox.business_central.service import BusinessCentralService
from sandbox.control import endpoints as control
from sandbox.control import traffic
from sandbox.dataverse.service import DataverseService
from sandbox.http import Request, Response
from sandbox.identity import endpoints as identity
from sandbox.state import DATASET_KEY, Sandbox, Sizes

_MOST_IMAGES = 4
"""Each is some megabytes of memory."""


def build(data_directory: Path) -> Sandbox:
    """A sandbox over the data in this directory; `load_dataset` fills an empty one."""
    sandbox = Sandbox(data_directory)
    sandbox.sales = DataverseService(sandbox)
    sandbox.business_central = BusinessCentralService(sandbox)
    with sandbox.store.write() as tx:
        sandbox.sales.define(tx)
        sandbox.business_central.define(tx)
        sandbox.business_central.companies.open_stored(tx)
    return sandbox


def loaded_dataset(sandbox: Sandbox) -> str | None:
    """Name of the dataset that the data directory holds, or None for a new one."""
    with sandbox.store.read() as tx:
        stored = tx.meta(DATASET_KEY)
    return None if stored is None else str(json.loads(stored)["dataset"])


def load_dataset(sandbox: Sandbox, name: str, seed: int, sizes: Sizes) -> None:
    """Drops all data and loads a dataset in one transaction. Raises ValueError for an unknown name.

    A dataset of the usual size is remembered when it was made, and made again in a few milliseconds.
    """
    if name not in datasets.NAMES:
        raise ValueError(f"The dataset '{name}' does not exist; there are {', '.join(datasets.NAMES)}.")
    with sandbox.reset_lock:
        sandbox.reset_controls()
        sandbox.business_central.companies.remove_further()
        sandbox.business_central.notifier.clear()
        sandbox.sales.forget_customizations()
        # Dates are reckoned from the day, and the clients are users of the organisation.
        key = (sandbox.clock.now("sales").date(), name, seed, sizes, frozenset(sandbox.clients.all()))
        if key in sandbox.images:
            sandbox.store.restore(sandbox.images[key])
        else:
            _make(sandbox, name, seed, sizes)
            if sizes == Sizes():
                sandbox.images[key] = sandbox.store.image()
                while len(sandbox.images) > _MOST_IMAGES:
                    del sandbox.images[next(iter(sandbox.images))]
        sandbox.counters.clear()


def _make(sandbox: Sandbox, name: str, seed: int, sizes: Sizes) -> None:
    with sandbox.store.write() as tx:
        sandbox.store.drop_all()
        sandbox.sales.define(tx)
        sandbox.business_central.define(tx)
        datasets.load(sandbox, name, seed, sizes)
        tx.set_meta(DATASET_KEY, json.dumps({"dataset": name, "seed": seed}))


def handler(sandbox: Sandbox, request: Request) -> Response | None:
    """Answers a request, or returns None for the pages that Django serves."""
    path = request.path
    if path.startswith("/api/"):
        return traffic.handle(sandbox, sandbox.sales, request)
    if path.startswith(("/v2.0/", "/environments/")):
        return traffic.handle(sandbox, sandbox.business_central, request)
    if path.startswith("/sandbox/") or path == "/sandbox":
        return control.handle(sandbox, request)
    return identity.handle(sandbox, request)
