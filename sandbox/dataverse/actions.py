"""Actions of the Web API by name: sales actions, changes of option sets, publishing, association."""

import uuid
from collections.abc import Callable
from typing import Any

from sandbox.control.profile import SalesProfile
from sandbox.dataverse import errors, merging, responses, sales
from sandbox.dataverse.context import Context
from sandbox.dataverse.metadata import customizations, describe, option_sets, relationship_writes, writes
from sandbox.dataverse.metadata.definitions_from_json import next_option_value, text_of
from sandbox.definitions.dataverse import Attribute, Option, Table
from sandbox.http import Request, Response

Action = Callable[[Context, Request, str | None], Response]
_OPTIONAL = (
    "OptionSetName",
    "AttributeLogicalName",
    "EntityLogicalName",
    "Value",
    "Label",
    "Description",
    "SolutionUniqueName",
    "MergeLabels",
    "ParentValues",
    "Color",
    "ExternalValue",
    "Values",
    "StateCode",
)


def _columns(context: Context, body: dict[str, Any]) -> list[tuple[Table, Attribute]]:
    """The choice columns an option action is about: one local column, or all that use a global option set."""
    if body.get("OptionSetName"):
        found = [
            (table, attribute)
            for table in context.schema.tables
            for attribute in table.attributes.values()
            if attribute.option_set == body["OptionSetName"]
        ]
        own = context.schema.option_sets.get(str(body["OptionSetName"]))
        if own is not None:
            found.insert(0, (option_sets.SHELL, option_sets.column(str(body["OptionSetName"]), own)))
        if not found:
            raise errors.DataverseError(400, "0x80047006", f"The option set '{body['OptionSetName']}' does not exist.")
        return found
    table = context.schema.by_name.get(str(body.get("EntityLogicalName")))
    if table is None:
        raise errors.DataverseError(
            400, "0x80040217", f"The entity with a name = '{body.get('EntityLogicalName')}' was not found."
        )
    attribute = table.attributes.get(str(body.get("AttributeLogicalName")))
    if attribute is None or attribute.type not in ("picklist", "status", "multiselect"):
        raise errors.DataverseError(
            400, "0x80040217", f"The choice attribute '{body.get('AttributeLogicalName')}' was not found."
        )
    return [(table, attribute)]


def _save(context: Context, columns: list[tuple[Table, Attribute]], options: list[Option]) -> None:
    service = context.sandbox.sales
    custom = customizations.load(context.tx)
    for table, attribute in columns:
        if table is option_sets.SHELL:
            custom.option_sets[attribute.name]["options"] = [[o.value, o.label] for o in options]
            continue
        custom.options[f"{table.logical_name}.{attribute.name}"] = [[o.value, o.label] for o in options]
    # New options do not expire change-tracking links: the columns of the table stay the same.
    customizations.store(context, service, custom)


def _insert_option_value(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "Label", optional=_OPTIONAL)
    columns = _columns(context, body)
    options = list(columns[0][1].options)
    value = body.get("Value")
    if value is None:
        value = next_option_value(options)
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.bad_payload("The parameter 'Value' must be a whole number.")
    if any(option.value == value for option in options):
        raise errors.DataverseError(400, "0x80044a02", f"An option with the value {value} exists already.")
    text = text_of(body["Label"])
    if not text:
        raise errors.invalid_argument("The label of the option is missing.")
    _save(context, columns, [*options, Option(value, text)])
    name = "Microsoft.Dynamics.CRM.InsertOptionValueResponse"
    return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", "NewOptionValue": value})


def _update_option_value(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "Value", "Label", optional=_OPTIONAL)
    columns = _columns(context, body)
    options = list(columns[0][1].options)
    if not any(option.value == body["Value"] for option in options):
        raise errors.DataverseError(400, "0x80044a01", f"There is no option with the value {body['Value']}.")
    text = text_of(body["Label"])
    changed = [Option(o.value, text or o.label) if o.value == body["Value"] else o for o in options]
    _save(context, columns, changed)
    return responses.no_content()


def _delete_option_value(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "Value", optional=_OPTIONAL)
    columns = _columns(context, body)
    options = list(columns[0][1].options)
    kept = [option for option in options if option.value != body["Value"]]
    if len(kept) == len(options):
        raise errors.DataverseError(400, "0x80044a01", f"There is no option with the value {body['Value']}.")
    _save(context, columns, kept)
    return responses.no_content()


def _order_option(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "Values", optional=_OPTIONAL)
    columns = _columns(context, body)
    by_value = {option.value: option for option in columns[0][1].options}
    if not isinstance(body["Values"], list) or set(body["Values"]) != set(by_value):
        raise errors.invalid_argument("'Values' must name every option once.")
    _save(context, columns, [by_value[value] for value in body["Values"]])
    return responses.no_content()


def _publish(context: Context, request: Request, key: str | None) -> Response:
    """Metadata changes work at once here, so publishing has nothing left to do but to check its parameter."""
    sales.parameters(request, optional=("ParameterXml",))
    return responses.no_content()


def _publish_xml(context: Context, request: Request, key: str | None) -> Response:
    sales.parameters(request, "ParameterXml")
    return responses.no_content()


def _add_members_team(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "Members")
    if not isinstance(body["Members"], list):
        raise errors.bad_payload("The parameter 'Members' must be a list.")
    membership = context.table("teammembership")
    for member in body["Members"]:
        user = str(member.get("systemuserid") or member.get("ownerid") or "").lower()
        if context.get("systemuser", user) is None:
            raise errors.not_found("systemuser", user)
        if context.tx.first(membership.storage, teamid=key, systemuserid=user) is None:
            context.tx.insert(
                membership.storage, {membership.primary_id: str(uuid.uuid4()), "teamid": key, "systemuserid": user}
            )
    return responses.no_content()


def _create_entities(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "Entities", optional=("SolutionUniqueName",))
    if not isinstance(body["Entities"], list) or not body["Entities"]:
        raise errors.bad_payload("The parameter 'Entities' must be a list that is not empty.")
    made = writes.create_tables(context, context.sandbox.sales, body["Entities"])
    name = "Microsoft.Dynamics.CRM.CreateEntitiesResponse"
    ids = [describe.entity_id(table) for table in made]
    return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", "EntityIds": ids})


def _create_polymorphic_lookup(context: Context, request: Request, key: str | None) -> Response:
    body = sales.parameters(request, "OneToManyRelationships", "Lookup", optional=("SolutionUniqueName",))
    relationships, attribute = relationship_writes.create_polymorphic(context, context.sandbox.sales, body)
    name = "Microsoft.Dynamics.CRM.CreatePolymorphicLookupAttributeResponse"
    answer = {"RelationshipIds": relationships, "AttributeId": attribute}
    return responses.json({"@odata.context": f"{context.api_root}/$metadata#{name}", **answer})


UNBOUND: dict[str, Action] = {
    **sales.UNBOUND,
    "InsertOptionValue": _insert_option_value,
    "UpdateOptionValue": _update_option_value,
    "DeleteOptionValue": _delete_option_value,
    "OrderOption": _order_option,
    "CreateEntities": _create_entities,
    "CreatePolymorphicLookupAttribute": _create_polymorphic_lookup,
    "Merge": merging.merge,
    "PublishAllXml": _publish,
    "PublishXml": _publish_xml,
}


def is_offered(profile: SalesProfile, name: str, *, bound: bool) -> bool:
    """Whether this installation has the action, and in this form."""
    if name == "FulfillSalesOrder":
        return profile.fulfill_binding in ("both", "bound" if bound else "unbound")
    if name in ("LockInvoicePricing", "UnlockInvoicePricing"):
        return profile.invoice_price_lock
    return True


COLLECTION_BOUND = sales.COLLECTION_BOUND
ROW_BOUND: dict[tuple[str, str], Action] = {**sales.ROW_BOUND, ("team", "AddMembersTeam"): _add_members_team}
