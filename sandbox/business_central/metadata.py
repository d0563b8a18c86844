"""Service documents, `$metadata` and `entityDefinitions` of the three services."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import quoteattr

from sandbox.business_central.bindings import is_writable
from sandbox.business_central.resources import Call, Result
from sandbox.business_central.schema import PAGES_SERVICE, Page, Property, Schema

_PLATFORM_SETS = {"companies", "subscriptions", "webhookSupportedResources"}


def answer(schema: Schema, call: Call, name: str, hidden: set[str]) -> Result:
    service = call.address.service
    if name == "$metadata":
        return Result(200, csdl(service, frozenset(hidden)), {"Content-Type": "application/xml"})
    names = [item for item in schema.services[service] if item not in hidden]
    if name == "entityDefinitions":
        value = [_definition(schema.services[service][item]) for item in names]
        return Result(200, {"@odata.context": f"{call.address.root}/$metadata#entityDefinitions", "value": value})
    sets = [{"name": item, "kind": "EntitySet", "url": item} for item in names]
    if service == PAGES_SERVICE:
        sets.insert(0, {"name": "Company", "kind": "EntitySet", "url": "Company"})
    return Result(200, {"@odata.context": f"{call.address.root}/$metadata", "value": sets})


def _caption(name: str) -> list[dict[str, Any]]:
    return [{"languageCode": 1033, "caption": name}]


def _definition(page: Page) -> dict[str, Any]:
    return {
        "entityName": page.entity,
        "entitySetName": page.entity_set,
        "entityCaptions": _caption(page.caption),
        "entitySetCaptions": _caption(page.caption),
        "properties": [
            {"name": prop.name, "captions": _caption(prop.field or prop.name)} for prop in page.properties.values()
        ],
        "actions": [{"name": action, "captions": _caption(action)} for action in page.actions],
        "enumMembers": [],
    }


@lru_cache(maxsize=32)
def csdl(service: str, hidden: frozenset[str]) -> str:
    """The CSDL document; namespace Microsoft.NAV for APIs, NAV for page services."""
    from sandbox.business_central.schema import load_schema

    schema = load_schema()
    namespace = "NAV" if service == PAGES_SERVICE else "Microsoft.NAV"
    pages = {name: page for name, page in schema.services[service].items() if name not in hidden}
    types = {page.entity: page for page in pages.values()}
    enums = sorted({p.enum.name for page in types.values() for p in page.properties.values() if p.enum})
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        f'<Schema Namespace="{namespace}" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ]
    for page in types.values():
        lines += _entity_type(schema, page, namespace, set(pages))
    if service == PAGES_SERVICE:
        lines += _company_type(namespace, pages)
    if service != PAGES_SERVICE:
        for name in enums:
            lines.append(f'<EnumType Name="{name}">')
            members = schema.enums[name].api.values()
            lines += [f'<Member Name="{member}" Value="{index}"/>' for index, member in enumerate(members)]
            lines.append("</EnumType>")
        lines += _actions(types.values(), namespace)
    lines += _container(schema, pages, namespace, service)
    lines.append("</Schema></edmx:DataServices></edmx:Edmx>")
    return "\n".join(lines)


def _type_of(prop: Property, *, api: bool) -> str:
    if prop.enum is not None:
        return f"Microsoft.NAV.{prop.enum.name}" if api else "Edm.String"
    return prop.edm_type


def _property(page: Page, prop: Property) -> str:
    facets = f' MaxLength="{prop.length}"' if prop.length else ""
    facets += ' Scale="Variable"' if prop.kind == "decimal" else ""
    nullable = "" if prop.name not in page.key else ' Nullable="false"'
    edit = str(page.table == "" or is_writable(page, prop)).lower()
    return (
        f"<Property Name={quoteattr(prop.name)} Type={quoteattr(_type_of(prop, api=page.is_api))}{nullable}{facets}>"
        f'<Annotation Term="NAV.AllowEdit" Bool="{edit}"/>'
        f'<Annotation Term="NAV.AllowEditOnCreate" Bool="{edit}"/></Property>'
    )


def _entity_type(schema: Schema, page: Page, namespace: str, sets: set[str]) -> list[str]:
    keys = "".join(f"<PropertyRef Name={quoteattr(name)}/>" for name in page.key)
    lines = [f"<EntityType Name={quoteattr(page.entity)}>", f"<Key>{keys}</Key>"]
    lines += [_property(page, prop) for prop in page.properties.values()]
    if page.entity_set == "companies":
        lines += [
            f'<NavigationProperty Name="{name}" Type="Collection({namespace}.{target.entity})" ContainsTarget="true"/>'
            for name, target in schema.services[page.service].items()
            if name in sets and name not in _PLATFORM_SETS
        ]
    for navigation in page.navigation.values():
        target = schema.page(page.service, navigation.target)
        if target is None or navigation.target not in sets:
            continue
        kind = f"{namespace}.{target.entity}"
        shown = f"Collection({kind})" if navigation.many else kind
        contained = ' ContainsTarget="true"' if navigation.contained else ""
        lines.append(f'<NavigationProperty Name="{navigation.name}" Type="{shown}"{contained}/>')
    return [*lines, "</EntityType>"]


def _company_type(namespace: str, pages: dict[str, Page]) -> list[str]:
    parts = [
        f'<NavigationProperty Name="{name}" Type="Collection({namespace}.{page.entity})" ContainsTarget="true"/>'
        for name, page in pages.items()
    ]
    return [
        '<EntityType Name="Company"><Key><PropertyRef Name="Name"/></Key>',
        '<Property Name="Name" Type="Edm.String" Nullable="false" MaxLength="30"/>',
        '<Property Name="Display_Name" Type="Edm.String" MaxLength="250"/>',
        '<Property Name="Id" Type="Edm.Guid" Nullable="false"/>',
        *parts,
        "</EntityType>",
    ]


def _actions(pages: Iterable[Page], namespace: str) -> list[str]:
    return [
        f'<Action Name="{action}" IsBound="true"><Parameter Name="bindingParameter"'
        f' Type="{namespace}.{page.entity}"/></Action>'
        for page in pages
        for action in page.actions
    ]


def _container(schema: Schema, pages: dict[str, Page], namespace: str, service: str) -> list[str]:
    lines = ['<EntityContainer Name="NAV">']
    if service == PAGES_SERVICE:
        lines.append(f'<EntitySet Name="Company" EntityType="{namespace}.Company"/>')
    for name, page in pages.items():
        lines.append(f"<EntitySet Name={quoteattr(name)} EntityType={quoteattr(f'{namespace}.{page.entity}')}>")
        for navigation in page.navigation.values():
            target = schema.page(page.service, navigation.target)
            if target is not None and navigation.target in pages:
                lines.append(f'<NavigationPropertyBinding Path="{navigation.name}" Target="{navigation.target}"/>')
        lines.append("</EntitySet>")
    return [*lines, "</EntityContainer>"]
