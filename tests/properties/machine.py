"""A person who edits, deletes and creates on both sides while the hub runs and both systems misbehave.

The machine keeps a model of what has to come out: where one side edited a value since the last finished run, that edit
is on both sides; where both did, Business Central's is, by the mapping's policy; a record deleted on one side is made
again from the other. After the last step everything is compared, and a further run must write nothing.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from connector.services.setup import reset_connection
from coupling.models import Coupling
from syncjobs.choices import OPEN_OPERATION_STATES, JobState
from syncjobs.models import Operation, SynchJob
from tests.chaos import contents
from tests.engine.live import BC, SALES, Hub

FIELDS = {"displayName": "name", "city": "address1_city", "phoneNumber": "telephone1"}
"""Property of a customer → column of an account, all of them two-way."""

_TRIES = 6
_VALUES = st.sampled_from(["Oslo", "Graz", "Bergen", "Wien"])
_FAULTS = st.fixed_dictionaries(
    {
        "system": st.sampled_from(["sales", "business_central"]),
        "kind": st.sampled_from(["drop_before", "drop_after_commit", "truncate", "expired_token", "stale_delta"]),
        "method": st.sampled_from([None, "POST", "PATCH", "GET"]),
        "count": st.integers(1, 2),
    }
)


@dataclass
class Pair:
    """One customer and its account as they ought to be. A side that is None was never made or is deleted.

    `edited`: per side, properties that a person gave a value since the last finished run.
    """

    keys: dict[str, UUID | None]
    values: dict[str, dict[str, str]]
    edited: dict[str, set[str]] = field(default_factory=lambda: {BC: set(), SALES: set()})
    met: bool = False
    """Whether both sides knew each other already."""


class Convergence(RuleBasedStateMachine):
    """`hub` is set by the test that runs the machine."""

    hub: Hub

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[Pair] = []

    @initialize()
    def begin(self) -> None:
        hub = self.hub
        hub.sandbox.reset("empty")
        reset_connection(connection=hub.connection, confirm=hub.connection.slug, user=None)
        hub.connection.refresh_from_db()
        hub.connection.enabled = True
        hub.connection.save()
        hub.connection.mappings.filter(name="CUSTOMER").update(
            synch_only_coupled_records=False,
            update_conflict_resolution="send_to_sales",
            deletion_conflict_resolution="restore_records",
        )

    # -- What people do

    @rule(name=_VALUES, city=_VALUES)
    def create_customer(self, name: str, city: str) -> None:
        values = {"displayName": f"{name} {len(self.pairs)}", "city": city, "phoneNumber": ""}
        key = self.hub.bc.create("customers", **values)
        self.pairs.append(Pair({BC: key, SALES: None}, {BC: values, SALES: {}}))

    @rule(name=_VALUES, city=_VALUES)
    def create_account(self, name: str, city: str) -> None:
        values = {"displayName": f"{name} {len(self.pairs)}", "city": city, "phoneNumber": ""}
        key = self.hub.sales.create("accounts", customertypecode=3, **_sales_values(values))
        self.pairs.append(Pair({BC: None, SALES: key}, {BC: {}, SALES: values}))

    @precondition(lambda self: self.pairs)
    @rule(
        number=st.integers(0, 9), side=st.sampled_from([BC, SALES]), name=st.sampled_from(list(FIELDS)), value=_VALUES
    )
    def edit(self, number: int, side: str, name: str, value: str) -> None:
        pair = self.pairs[number % len(self.pairs)]
        key = pair.keys[side]
        if key is None or pair.values[side][name] == value:
            return
        if side == BC:
            self.hub.bc.update("customers", key, **{name: value})
        else:
            self.hub.sales.update("accounts", key, **_sales_values({name: value}))
        pair.values[side][name] = value
        pair.edited[side].add(name)

    @precondition(lambda self: any(pair.met for pair in self.pairs))
    @rule(number=st.integers(0, 9), side=st.sampled_from([BC, SALES]))
    def delete(self, number: int, side: str) -> None:
        met = [pair for pair in self.pairs if pair.met and None not in pair.keys.values()]
        if not met:
            return
        pair = met[number % len(met)]
        table = "customers" if side == BC else "accounts"
        key = pair.keys[side]
        assert key is not None
        getattr(self.hub, "bc" if side == BC else "sales").delete(table, key)
        pair.keys[side], pair.values[side], pair.edited[side] = None, {}, set()

    # -- What the systems do

    @rule(faults=st.lists(_FAULTS, min_size=1, max_size=3))
    def misbehave(self, faults: list[dict[str, Any]]) -> None:
        self.hub.faults(*[each if each["kind"] != "stale_delta" else {**each, "system": "sales", "method": None}
                          for each in faults])  # fmt: skip

    @rule(system=st.sampled_from(["sales", "business_central"]), seconds=st.sampled_from([-300, -5, 0, 5, 300]))
    def shift_clock(self, system: str, seconds: int) -> None:
        self.hub.sandbox.control("PUT", "/clock", {system: {"offset_s": seconds}})

    # -- What the hub does

    @rule()
    def synchronise(self) -> None:
        for _ in range(_TRIES):
            job = self._run()
            if job.state == JobState.SUCCEEDED:
                break
            # A fault that outlasts the patience of a run fails it; the schedule's next one goes on.
            self.hub.faults()
        assert job.state == JobState.SUCCEEDED, (job.state, job.message)
        for pair in self.pairs:
            self._agree(pair)

    def teardown(self) -> None:
        if not hasattr(self, "hub") or not self.pairs:
            return
        self.hub.faults()
        self.synchronise()
        # Values that a system filled in, or that were read while they changed, may need one run more.
        self._run()
        assert not Operation.objects.filter(state__in=OPEN_OPERATION_STATES, preview=False).exists()
        self._compare()
        before = contents.read_rows(self.hub.sandbox.data_dir)
        quiet = self._run()
        assert contents.changes(before, contents.read_rows(self.hub.sandbox.data_dir)) == []
        assert (quiet.inserted, quiet.modified, quiet.conflicts, quiet.failed) == (0, 0, 0, 0), quiet.message

    def _run(self) -> SynchJob:
        return self.hub.run("CUSTOMER")

    def _agree(self, pair: Pair) -> None:
        """What the mapping's policies make of the pair."""
        for side, other in ((BC, SALES), (SALES, BC)):
            if pair.keys[side] is None:
                coupling = Coupling.objects.get(**{f"{_short(other)}_key": pair.keys[other]})
                pair.keys[side], pair.values[side] = getattr(coupling, f"{_short(side)}_key"), dict(pair.values[other])
        for name in FIELDS:
            source = BC if name in pair.edited[BC] or name not in pair.edited[SALES] else SALES
            other = SALES if source == BC else BC
            pair.values[other][name] = pair.values[source][name]
        pair.edited = {BC: set(), SALES: set()}
        pair.met = True

    def _compare(self) -> None:
        customers = {record.key: record.values for record in
                     self.hub.bc.client.query("customers", properties=["id", *FIELDS])}  # fmt: skip
        accounts = {record.key: record.values for record in
                    self.hub.sales.client.query("accounts", properties=["accountid", *FIELDS.values()])}  # fmt: skip
        assert len(customers) == len(accounts) == len(self.pairs) == Coupling.objects.count()
        for pair in self.pairs:
            assert pair.keys[BC] is not None
            assert pair.keys[SALES] is not None
            customer, account = customers[pair.keys[BC]], accounts[pair.keys[SALES]]
            for name, column in FIELDS.items():
                assert customer[name] == (account[column] or "") == pair.values[BC][name], (name, pair)


def _sales_values(values: dict[str, str]) -> dict[str, str | None]:
    return {FIELDS[name]: value or None for name, value in values.items()}


def _short(side: str) -> str:
    return "bc" if side == BC else "sales"
