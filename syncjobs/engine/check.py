"""What is wrong with a mapping as a whole, found before any record is touched.

A filter that cannot be read must not read as "no filter", and a mapping that carries nothing must not create blanks.
"""

from connector.choices import Direction, System
from connector.errors import ErrorKind, HubError
from coupling.filters import FilterError, filter_condition
from coupling.models import TableMapping
from syncjobs.engine.blueprint import Blueprint


def check_mapping(mapping: TableMapping, direction: Direction | str) -> None:
    """Raises HubError of the kind CONFIG, which fails the job and marks no record."""
    blueprint = Blueprint.of(mapping).limited_to(direction)
    for system in System:
        try:
            filter_condition(mapping.filter(system), system=system, parameters=dict(blueprint.filter_parameters))
        except FilterError as error:
            raise HubError(
                f"The {system.label} filter of {mapping} cannot be read: {error}",
                kind=ErrorKind.CONFIG,
                code="mapping.filter",
                hint="Correct the filter on the mapping's page.",
            ) from error
    carried = {
        target
        for target in blueprint.targets
        if any(spec.to_sales if target == System.SALES else spec.to_bc for spec in blueprint.fields if spec.field_id)
    }
    if not carried:
        where = " or ".join(target.label for target in sorted(blueprint.targets))
        raise HubError(
            f"{mapping} has no field mapping that is switched on and writes to {where}.",
            kind=ErrorKind.CONFIG,
            code="mapping.no_fields",
            hint="Switch fields on or add some on the mapping's page, or put the mapping back to its defaults.",
        )
