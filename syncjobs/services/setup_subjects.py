"""What assisted setup shows and decides about mappings and people; the answer to `connector.wizard.subjects`."""

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import User

from connector.choices import Direction, System
from connector.clients import INTERACTIVE, business_central_client, sales_client
from connector.errors import HubError, RemoteError
from connector.models import Connection
from connector.wizard.subjects import (
    Choice,
    Counted,
    FirstChoice,
    MappingOffer,
    PeopleChoice,
    Person,
    Recommendation,
    Rule,
)
from coupling.choices import MappingKind
from coupling.defaults import DefaultMapping, Route, holds
from coupling.models import Coupling, FieldMapping, TableMapping
from coupling.records import caption_of
from coupling.services import requests, salespeople
from coupling.services.availability import Offer
from coupling.services.companies import without_companies
from coupling.services.defaults import delivered, dependencies, load_defaults, switches_of
from coupling.services.mappings import update_mapping
from coupling.services.matching import Criterion, may_match, offered_fields, save_criteria
from coupling.synchronisation import service
from syncjobs.services.full_synch import criteria_of, eligible_mappings, start_full_synch

_SUBJECTS = {
    "SALESPEOPLE": "Basics",
    "CURRENCY": "Basics",
    "PAYMENT TERMS": "Basics",
    "SHIPMENT METHOD": "Basics",
    "SHIPPING AGENT": "Basics",
    "CUSTOMER": "Customers and vendors",
    "VENDOR": "Customers and vendors",
    "CONTACT": "Contacts",
    "UNIT OF MEASURE": "Products",
    "UNIT GROUP": "Products",
    "ITEM UOM": "Products",
    "RESOURCE UOM": "Products",
    "ITEM-PRODUCT": "Products",
    "RESOURCE-PRODUCT": "Products",
    "CUSTPRCGRP-PRICE": "Prices",
    "SALESPRC-PRODPRICE": "Prices",
    "PLHEADER-PRICE": "Prices",
    "PLLINE-PRODPRICE": "Prices",
    "OPPORTUNITY": "Opportunities",
    "SALESORDER-ORDER": "Orders",
    "SOLINE-ORDERDETAIL": "Orders",
    "POSTEDSALESINV-INV": "Invoices",
    "POSTEDSALESLINE-INV": "Invoices",
}
_UNITS = frozenset({"UNIT OF MEASURE", "UNIT GROUP"})


class SetupSubjects:
    """Implements `Subjects`. Mappings that exist already show what people made of them."""

    def offers(self, connection: Connection) -> list[MappingOffer]:
        wanted = delivered(connection)
        names = {mapping.name for mapping in wanted}
        mappings = TableMapping.objects.filter(connection_id=connection.pk).prefetch_related("fields")
        stored = {mapping.name: mapping for mapping in mappings}
        offer = Offer(connection)
        switches = switches_of(connection)
        return [_offer(each, stored.get(each.name), offer, switches, names) for each in wanted]

    def count(self, connection: Connection, names: Sequence[str]) -> dict[str, Counted]:
        business_central = business_central_client(connection, patience=INTERACTIVE)
        sales = sales_client(connection, patience=INTERACTIVE)
        marked = connection.capabilities.get("company_tables", [])
        offer = Offer(connection)
        found = {}
        for default in delivered(connection):
            if default.name not in names:
                continue
            try:
                route = offer.choose_table(default).route
                there = (
                    None
                    if route.service == "derived"
                    else business_central.count(route.entity_set, filter=route.filter)
                )
                if default.kind == MappingKind.OPTION:
                    found[default.name] = Counted(there, None)
                    continue
                text = default.sales_filter
                if not (connection.company_row_id or marked):
                    text = without_companies(text)
                text = text.replace("{company_row_id}", str(connection.company_row_id or "null"))
                found[default.name] = Counted(there, sales.count(default.sales_table, filter=text))
            except RemoteError as error:
                found[default.name] = Counted(None, None, str(error))
        return found

    def recommend(self, offer: MappingOffer, counted: Counted | None) -> Recommendation:
        """The first rule that fits, as the built-in integration recommends."""
        if offer.name == "SALESPEOPLE":
            return _full("Salespeople are made from users that are not coupled.")
        if counted is None or counted.problem:
            return Recommendation("couple", "Couple records", "The records could not be counted; match them first.")
        there, here = counted.business_central, counted.sales
        if offer.name == "CURRENCY":
            alone = here is not None and here <= 1
            return _full("Sales has its base currency only.") if alone else _couple(there, here)
        if here is None and offer.directions == (Direction.TO_SALES,) and there is not None:
            empty = there == 0
            return _nothing() if empty else _couple(there, None)
        if offer.name in _UNITS and here is not None:
            # Sales always has its default unit group.
            here = max(0, here - 1)
        if there == 0 and here == 0:
            return _nothing()
        if there != 0 and here != 0:
            return _couple(there, here)
        return _full("One side has no records yet.")

    def people(self, connection: Connection) -> tuple[list[Person], list[Person]]:
        default = next((each for each in delivered(connection) if each.name == salespeople.MAPPING), None)
        coupled = dict(
            Coupling.objects.filter(
                mapping__connection_id=connection.pk, mapping__name=salespeople.MAPPING
            ).values_list("sales_key", "bc_key")
        )
        users = [
            Person(
                record.key,
                str(record.values["fullname"]),
                str(record.values["internalemailaddress"] or ""),
                coupled.get(record.key),
            )
            for record in sales_client(connection, patience=INTERACTIVE).query(
                "systemusers",
                properties=["fullname", "internalemailaddress"],
                filter=default.sales_filter if default else "",
                orderby="fullname",
            )
        ]
        found = [
            Person(
                record.key,
                f"{record.values['displayName']} ({record.values['code']})",
                str(record.values["email"] or ""),
            )
            for record in business_central_client(connection, patience=INTERACTIVE).query(
                "salespeoplePurchasers", properties=["code", "displayName", "email"]
            )
        ]
        return users, found

    def apply(self, connection: Connection, choices: Mapping[str, Choice], user: User | None) -> None:
        # A connection that was never enabled may have none yet; what exists stays as people made it.
        load_defaults(connection=connection)
        for mapping in TableMapping.objects.filter(connection=connection, name__in=choices).order_by("order"):
            choice = choices[mapping.name]
            wanted = {
                "enabled": choice.enabled or not mapping.available,
                "direction": choice.direction,
                "synch_only_coupled_records": not choice.creates,
            }
            changes = {name: value for name, value in wanted.items() if getattr(mapping, name) != value}
            if changes:
                update_mapping(mapping=mapping, changes=changes, user=user)

    def couple_people(self, connection: Connection, choice: PeopleChoice, user: User | None) -> list[str]:
        mapping = TableMapping.objects.filter(connection=connection, name=salespeople.MAPPING).first()
        if mapping is None:
            return []
        for system in System:
            service().refresh_table(connection=connection, system=system, table=mapping.table(system))
        problems = salespeople.save(mapping=mapping, chosen=choice.pairs, user=user).problems
        # Finish may be repeated: who has got a salesperson since needs no other one.
        taken = set(Coupling.objects.filter(mapping=mapping).values_list("sales_key", flat=True))
        if free := [key for key in choice.new if key not in taken]:
            requests.create_other_side(mapping=mapping, system=System.SALES, keys=free, user=user)
        if choice.joins_team:
            service().add_to_team(mapping=mapping, users=choice.standing)
        return problems

    def set_rules(self, connection: Connection, rules: Mapping[str, Sequence[str]], user: User) -> None:
        mappings = TableMapping.objects.filter(connection=connection, name__in=rules).select_related("connection")
        for mapping in mappings.prefetch_related("fields"):
            offered = offered_fields(mapping)
            ticked = [field for field in offered if _key(field) in rules[mapping.name]]
            if ticked == [field for field in offered if field.used_for_matching]:
                continue
            save_criteria(
                mapping=mapping,
                criteria=[Criterion(field.pk, field.case_sensitive, field.match_priority) for field in ticked],
                create_unmatched=mapping.create_new_in_case_of_no_match,
                synchronize=mapping.synch_after_bulk_coupling,
                user=user,
            )

    def plan_first(self, connection: Connection, lines: Sequence[FirstChoice], user: User | None) -> None:
        eligible = {mapping.name: mapping for mapping in eligible_mappings(connection)}
        known = [line for line in lines if line.name in eligible]
        if not known:
            return
        try:
            start_full_synch(
                connection=connection,
                preview=True,
                mappings=[line.name for line in known],
                directions={line.name: line.direction for line in known},
                winners={line.name: line.winner for line in known if line.winner},
                match_first=[line.name for line in known if line.matches and criteria_of(eligible[line.name])],
                user=user,
            )
        except HubError as error:
            # A plan that somebody else has started is as good as one of ours.
            if error.code != "full_synch.running":
                raise


def _offer(
    default: DefaultMapping, stored: TableMapping | None, offer: Offer, switches: Mapping[str, str], names: set[str]
) -> MappingOffer:
    choice = offer.choose_table(default)
    both = default.direction == Direction.BIDIRECTIONAL
    direction = stored.direction if stored else default.direction
    only_coupled = stored.synch_only_coupled_records if stored else default.synch_only_coupled_records
    return MappingOffer(
        name=default.name,
        subject=_SUBJECTS.get(default.name, "Other"),
        business_central=default.bc_label,
        sales=caption_of(default.sales_table, default.sales_entity, default.kind),
        direction=direction,
        directions=tuple(Direction) if both else (default.direction,),
        creates=not only_coupled,
        may_create=default.kind == MappingKind.RECORD and default.name != salespeople.MAPPING,
        enabled=stored.enabled if stored else True,
        available=choice.available,
        reason=choice.reason,
        needs=tuple(dependencies(default, switches, names)),
        rules=_rules(default, stored, offer, choice.route, switches),
    )


def _rules(
    default: DefaultMapping, stored: TableMapping | None, offer: Offer, table: Route, switches: Mapping[str, str]
) -> tuple[Rule, ...]:
    """The same for a mapping that Finish has yet to make as for a stored one."""
    if default.kind == MappingKind.OPTION:
        return ()
    if stored is not None:
        return tuple(
            Rule(_key(field), _label(field), field.sales_attribute, field.used_for_matching)
            for field in offered_fields(stored)
        )
    rules = []
    for field in default.fields:
        route = offer.choose_field(field, table)
        if route and route.available and field.enabled and may_match(field) and holds(field.condition, switches):
            key = f"{field.bc_label}:{field.sales_attribute}"
            rules.append(Rule(key, field.bc_label, field.sales_attribute, field.used_for_matching))
    return tuple(rules)


def _label(field: FieldMapping) -> str:
    return field.business_central_label or field.business_central_property


def _key(field: FieldMapping) -> str:
    return f"{_label(field)}:{field.sales_attribute}"


def _full(reason: str) -> Recommendation:
    return Recommendation("full", "Full synchronisation", reason)


def _nothing() -> Recommendation:
    return Recommendation("nothing", "Nothing to do now", "Neither side has records.")


def _couple(there: int | None, here: int | None) -> Recommendation:
    words = f"{'many' if there is None else there} in Business Central, {'many' if here is None else here} in Sales"
    return Recommendation("couple", "Couple records", f"Both sides have records ({words}): match them before creating.")
