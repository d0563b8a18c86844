"""Why two records may be one, or not, in words that a salesperson uses. Stored as `code` or `code:detail`."""

REASONS = {
    "registration": "same VAT or registration number",
    "number": "same number",
    "email": "same e-mail address",
    "domain": "same e-mail or web domain {detail}",
    "domain_shared": "same domain {detail}, as several others have",
    "phone": "same phone number",
    "phone_shared": "same phone number, as several others have",
    "name": "same name",
    "name_legal": "name differs by legal form",
    "name_order": "same words in another order",
    "name_part": "one name is part of the other",
    "name_similar": "similar name",
    "address": "same street and postal code",
    "house": "same postal code and house number",
    "postal": "same postal code",
    "city": "same city",
    "company": "same company",
    "criterion": "same {detail}",
}
DOUBTS = {
    "registration": "different VAT or registration number",
    "address": "different address",
    "identifiers": "different phone and domain",
    "name": "different name",
    "company": "different company",
    "account_number": "account number of another record",
}


def sentence(stored: str, texts: dict[str, str] = REASONS) -> str:
    """`"domain:contoso.com"` → `"same e-mail or web domain contoso.com"`."""
    code, _, detail = stored.partition(":")
    return texts.get(code, code.replace("_", " ")).format(detail=detail).strip()


def reasons(stored: list[str]) -> list[str]:
    return [sentence(each) for each in stored]


def doubts(stored: list[str]) -> list[str]:
    return [sentence(each, DOUBTS) for each in stored]
