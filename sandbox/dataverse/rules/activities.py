"""Notes, posts and registrations of webhooks."""

import binascii
from base64 import b64decode
from urllib.parse import urlsplit

from sandbox.dataverse import errors
from sandbox.dataverse.context import Context
from sandbox.dataverse.rules import rule
from sandbox.definitions.dataverse import TABLE_SUFFIX, Table
from sandbox.storage import Row

WEBHOOK_CONTRACT = 8
WEBHOOK_AUTHENTICATION = (4, 5, 6)


@rule("before", "create", "update", tables=("annotation",))
def fill_note(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """The kind of the row a note belongs to, and the size of an attached file."""
    if new.get("objectid") is not None:
        new["objecttypecode"] = new.get("objectid" + TABLE_SUFFIX)
    if new.get("documentbody") is not None and (old is None or "documentbody" in changed):
        try:
            new["filesize"] = len(b64decode(new["documentbody"], validate=True))
        except (binascii.Error, ValueError) as error:
            raise errors.invalid_argument("The documentbody of a note must be base64 text.") from error
        new["isdocument"] = True


@rule("before", "create", tables=("post",))
def check_post(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """A post needs a row to be about, whose table has an activity wall."""
    kind = new.get("regardingobjectid" + TABLE_SUFFIX)
    if new.get("regardingobjectid") is None or kind is None:
        raise errors.invalid_argument("The regarding object of the post is missing.")
    wall = context.tx.first("sales_msdyn_postconfigs", msdyn_entityname=kind)
    enabled = wall is not None and wall["msdyn_configurewall"] and wall["statecode"] == 0
    if not enabled or (kind == "salesorder" and not context.profile.order_wall):
        raise errors.DataverseError(400, "0x80040265", f"The activity wall is not enabled for the entity '{kind}'.")
    new["regardingobjecttypecode"] = kind
    text = new.get("text") or new.get("largetext")
    if text is None:
        raise errors.invalid_argument("The text of the post is missing.")
    new["text"] = text[:2000]
    new["largetext"] = new.get("largetext") or text
    regarding = context.get(kind, new["regardingobjectid"])
    if regarding is not None and regarding.get("ownerid") is not None:
        new["regardingobjectownerid"] = regarding["ownerid"]
        new["regardingobjectownerid" + TABLE_SUFFIX] = regarding.get("ownerid" + TABLE_SUFFIX)


@rule("before", "create", "update", tables=("serviceendpoint",))
def check_endpoint(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    if new.get("contract") != WEBHOOK_CONTRACT:
        return
    parts = urlsplit(new.get("url") or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.invalid_argument("The URL of the webhook is not valid.")
    if new.get("authtype") not in WEBHOOK_AUTHENTICATION:
        raise errors.invalid_argument("The authentication type of a webhook must be 4, 5 or 6.")
    if not new.get("authvalue"):
        raise errors.invalid_argument("The authentication value of the webhook is missing.")


@rule("before", "create", "update", tables=("sdkmessageprocessingstep",))
def check_step(context: Context, table: Table, old: Row | None, new: Row, changed: set[str]) -> None:
    """A step has to name a message, fit its filter, and point to a handler."""
    if new.get("sdkmessageid") is None:
        raise errors.invalid_argument("The SDK message of the step is missing.")
    if new.get("eventhandler") is None:
        raise errors.invalid_argument("The event handler of the step is missing.")
    if new.get("sdkmessagefilterid") is not None:
        found = context.get("sdkmessagefilter", new["sdkmessagefilterid"])
        if found is None or found["sdkmessageid"] != new["sdkmessageid"]:
            raise errors.invalid_argument("The message filter belongs to another message.")
        table_name = found["primaryobjecttypecode"]
        target = context.schema.by_name.get(table_name or "")
        for name in filter(None, (new.get("filteringattributes") or "").split(",")):
            if target is not None and name.strip() not in target.attributes:
                raise errors.invalid_argument(f"The attribute '{name.strip()}' does not exist on '{table_name}'.")
    if new.get("mode") == 1 and new.get("stage") != 40:
        raise errors.invalid_argument("Asynchronous steps run in the post-operation stage.")
