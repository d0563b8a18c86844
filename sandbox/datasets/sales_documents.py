"""The demo organisation's own opportunities, quotes and orders, entered through the Web API as its users would."""

import json
import random
import string
from typing import TYPE_CHECKING, Any

from sandbox.datasets.people import random_id
from sandbox.dataverse import wellknown
from sandbox.http import Request
from sandbox.identity.clients import HUB_CLIENT_ID
from sandbox.storage import Transaction

if TYPE_CHECKING:
    from sandbox.state import Sandbox

API = "/api/data/v9.2"
QUOTES = ("draft",) * 4 + ("active",) * 3 + ("won", "lost", "revised")
ORDERS = ("active",) * 4 + ("submitted",) * 4 + ("cancelled", "fulfilled", "invoiced")
OPPORTUNITIES = ("open",) * 8
CLOSED_OPPORTUNITIES = ("won", "won", "lost")
"""Made last: what was made before keeps its ids."""
_WORK = (
    ("Assembly on site", 640), ("Delivery and set-up", 180), ("Maintenance, one year", 950), ("Training day", 1200),
    ("Custom engraving", 75), ("Express handling", 45), ("Site survey", 390), ("Spare parts kit", 260),
)  # fmt: skip
_OCCASIONS = ("New branch", "Spring refit", "Replacement", "Trade fair", "Pilot order", "Framework contract")


class SalesDocumentMaker:
    """Creates documents as their account's owner. Same random source, same documents and ids."""

    def __init__(self, sandbox: "Sandbox", tx: Transaction, rng: random.Random) -> None:
        self._service = sandbox.sales
        self._rng = rng
        rows = tx.select(
            "sales_accounts",
            "statecode = 0 AND customertypecode = 3 AND length(name) < 80",
            order_by="name, accountid",
            columns=("accountid", "name", "ownerid", "transactioncurrencyid"),
        )
        self._accounts = [row for row in rows if row["transactioncurrencyid"] == wellknown.BASE_CURRENCY_ID]
        self._user = wellknown.USER_IDS[0]
        self._count = 0

    def make_all(self) -> None:
        for state in OPPORTUNITIES:
            self._opportunity(state)
        for state in QUOTES:
            self._quote(state)
        for state in ORDERS:
            self._order(state)
        for state in CLOSED_OPPORTUNITIES:
            self._opportunity(state)

    def _call(self, method: str, path: str, body: Any) -> None:
        request = Request(
            method=method,
            path=f"{API}/{path}",
            query="",
            headers={"content-type": "application/json", "mscrmcallerid": self._user},
            body=json.dumps(body).encode(),
            origin="https://sandbox.invalid",
            client_id=HUB_CLIENT_ID,
        )
        response = self._service.prepare(request).run()
        if response.status >= 400:
            raise ValueError(response.body.decode())

    def _account(self) -> dict[str, Any]:
        account: dict[str, Any] = self._rng.choice(self._accounts)
        self._user = account["ownerid"]
        return account

    def _opportunity(self, state: str) -> None:
        account, key = self._account(), random_id(self._rng)
        body = {
            "opportunityid": key,
            "name": f"{self._rng.choice(_OCCASIONS)} - {account['name']}"[:300],
            "parentaccountid@odata.bind": f"/accounts({account['accountid']})",
            "estimatedvalue": self._rng.randrange(5, 80) * 500,
            "estimatedclosedate": f"2025-{self._rng.randrange(6, 12):02d}-15",
        }
        self._call("POST", "opportunities", body)
        if state == "open":
            return
        closing = {"opportunityid@odata.bind": f"/opportunities({key})", "activityid": random_id(self._rng)}
        if state == "won":
            self._call("POST", "WinOpportunity", {"OpportunityClose": {**closing, "subject": "Won"}, "Status": 3})
        elif state == "lost":
            body = {"OpportunityClose": {**closing, "subject": "Chose another"}, "Status": 4}
            self._call("POST", "LoseOpportunity", body)

    def _document(self, entity_set: str, key_name: str, lines: str) -> str:
        account, key = self._account(), random_id(self._rng)
        self._count += 1
        suffix = "".join(self._rng.choices(string.ascii_uppercase + string.digits, k=6))
        number_name, prefix = ("quotenumber", "QUO") if entity_set == "quotes" else ("ordernumber", "ORD")
        body = {
            key_name: key,
            number_name: f"{prefix}-{self._count:05d}-{suffix}",
            "name": f"{self._rng.choice(_OCCASIONS)} - {account['name']}"[:300],
            "customerid_account@odata.bind": f"/accounts({account['accountid']})",
        }
        self._call("POST", entity_set, body)
        for text, price in self._rng.sample(_WORK, self._rng.randrange(1, 4)):
            line = {
                f"{lines}id": random_id(self._rng),
                f"{key_name}@odata.bind": f"/{entity_set}({key})",
                "isproductoverridden": True,
                "productdescription": text,
                "quantity": self._rng.randrange(1, 6),
                "priceperunit": price,
            }
            self._call("POST", f"{lines}s", line)
        return key

    def _quote(self, state: str) -> None:
        key = self._document("quotes", "quoteid", "quotedetail")
        if state == "draft":
            return
        self._call("PATCH", f"quotes({key})", {"statecode": 1, "statuscode": 2})
        closing = {"quoteid@odata.bind": f"/quotes({key})", "activityid": random_id(self._rng)}
        if state == "won":
            self._call("POST", "WinQuote", {"QuoteClose": {**closing, "subject": "Won"}, "Status": 4})
        elif state == "lost":
            self._call("POST", "CloseQuote", {"QuoteClose": {**closing, "subject": "Too expensive"}, "Status": 5})
        elif state == "revised":
            self._call("POST", "CloseQuote", {"QuoteClose": {**closing, "subject": "Revised"}, "Status": 7})

    def _order(self, state: str) -> None:
        key = self._document("salesorders", "salesorderid", "salesorderdetail")
        if state in ("submitted", "invoiced"):
            self._call("PATCH", f"salesorders({key})", {"statecode": 1, "statuscode": 3})
            if state == "invoiced":
                self._call("PATCH", f"salesorders({key})", {"statecode": 4, "statuscode": 100003})
        elif state == "fulfilled":
            closing = {"salesorderid@odata.bind": f"/salesorders({key})", "activityid": random_id(self._rng)}
            body = {"OrderClose": {**closing, "subject": "Delivered"}, "Status": 100001}
            self._call("POST", "FulfillSalesOrder", body)
        elif state == "cancelled":
            closing = {"salesorderid@odata.bind": f"/salesorders({key})", "activityid": random_id(self._rng)}
            self._call("POST", "CancelSalesOrder", {"OrderClose": {**closing, "subject": "No budget"}, "Status": 4})
