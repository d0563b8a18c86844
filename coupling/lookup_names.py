"""How a lookup column of Sales appears in rows: `_x_value`, and beside it an annotation with the target's table."""

_TYPE_ANNOTATION = "@Microsoft.Dynamics.CRM.lookuplogicalname"


def lookup_type_key(read_name: str) -> str:
    """Key of the annotation that says which table `_x_value` points into; mirrored for lookups with several targets."""
    return f"{read_name}{_TYPE_ANNOTATION}"
