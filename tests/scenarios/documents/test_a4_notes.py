"""A.4 Notes (scenarios 23 to 26): text attachments carry them, since no public API offers Business Central's notes."""

from tests.scenarios.documents.market import Market


def test_a4_23_note_at_creation(market: Market) -> None:
    """139175 CRMSalesOrderNoteToSalesOrderNoteAtCreationTime"""
    key = market.make_order("Noted", submit=False)
    market.note(key, "Ring twice")
    market.submit(key)
    market.process(key)
    assert market.bc_notes() == ["Ring twice"]


def test_a4_24_new_note_arrives_once(market: Market) -> None:
    """139175 SynchNewCRMSalesOrderNoteToSalesOrderNote"""
    key = market.make_order("Noted", submit=False)
    market.note(key, "First")
    market.submit(key)
    market.process(key)
    market.note(key, "Second")
    for _ in range(2):
        market.carry_notes()
    assert market.bc_notes() == ["First", "Second"]


def test_a4_25_changed_note_changes_the_same_one(market: Market) -> None:
    """139175 SynchModifiedCRMSalesOrderNoteToSalesOrderNote"""
    key = market.make_order("Noted", submit=False)
    note = market.note(key, "Before")
    market.submit(key)
    market.process(key)
    market.sales.update("annotations", note, notetext="After")
    market.carry_notes()
    assert market.bc_notes() == ["After"]


def test_a4_26_note_of_business_central(market: Market) -> None:
    """139175 SynchNewSalesOrderNoteToCRMSalesOrderNote"""
    key = market.created("Noted")
    attachment = market.bc.create(
        "documentAttachments", fileName="note-packing.txt", parentType="Sales_x0020_Order",
        parentId=str(market.document(key).bc_key),
    )  # fmt: skip
    table = market.bc.client.addresses.table("documentAttachments")
    market.bc.client.session.send(
        "PATCH", f"{table}({attachment})/attachmentContent", body=b"Pack it well",
        headers={"If-Match": "*", "Content-Type": "application/octet-stream"},
    )  # fmt: skip
    for _ in range(2):
        market.carry_notes()
    notes = market.sales.rows("annotations", "notetext", "_objectid_value")
    assert [row["notetext"] for row in notes if row["_objectid_value"] == str(key)] == ["Pack it well"]
