"""What makes two records one: signals, scores and the words that explain them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling.matching.reasons import doubts, reasons
from coupling.matching.scoring import CLEAR_SCORE, compare
from coupling.matching.signals import Profile, profile_of, registration, signals_of


def signals(name: str, number: str = "", **values: str):
    return signals_of(values, number=number, name=name)


CONTOSO = signals(
    "Contoso GmbH",
    phoneNumber="+49 89 1000123",
    email="info@contoso.de",
    taxRegistrationNumber="DE 811 234 567",
    addressLine1="Hauptstr. 12",
    postalCode="80331",
    city="München",
)


def score(other, profile=Profile.COMPANY, bc=CONTOSO, **shared):
    return compare(bc, other, profile, shared=shared or None)


def test_score_name_alone_is_never_clear():
    same = score(signals("Contoso GmbH"))
    assert same.value < CLEAR_SCORE
    assert reasons(list(same.reasons)) == ["same name"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"telephone1": "089/1000123"}, "same phone number"),
        ({"emailaddress1": "sales@contoso.de"}, "same e-mail or web domain contoso.de"),
        ({"websiteurl": "https://www.contoso.de/start"}, "same e-mail or web domain contoso.de"),
        ({"new_vatnumber": "811234567"}, "same VAT or registration number"),
        ({"address1_line1": "Hauptstraße 12", "address1_postalcode": "80331"}, "same street and postal code"),
    ],
)
def test_score_name_with_one_identifier_is_clear(values, reason):
    found = score(signals("Contoso AG", **values))
    assert found.value >= CLEAR_SCORE
    assert reason in reasons(list(found.reasons))
    assert "name differs by legal form" in reasons(list(found.reasons))


def test_score_typo_in_the_name_counts_as_similar():
    found = score(signals("Contsoo GmbH", telephone1="089 1000123", emailaddress1="x@contoso.de"))
    assert found.value >= CLEAR_SCORE
    assert "similar name" in reasons(list(found.reasons))


def test_score_homonym_elsewhere_is_doubted():
    found = score(
        signals("Contoso GmbH", telephone1="040 99999999", emailaddress1="a@other.de", address1_postalcode="20095")
    )
    assert found.value < 600
    assert doubts(list(found.doubts)) == ["different address", "different phone and domain"]


def test_score_different_registration_number_contradicts():
    found = score(signals("Contoso GmbH", telephone1="089 1000123", new_vatnumber="DE999999999"))
    assert "different VAT or registration number" in doubts(list(found.doubts))
    assert found.value < CLEAR_SCORE


def test_score_domain_that_many_share_says_less():
    alone = score(signals("Contoso Bikes", emailaddress1="x@contoso.de"))
    shared = score(signals("Contoso Bikes", emailaddress1="x@contoso.de"), domain=40)
    assert shared.value < alone.value


def test_signals_free_mail_is_no_domain():
    free = signals("Someone", email="someone@gmail.com")
    assert free.domains == frozenset()
    assert free.emails == {"someone@gmail.com"}


def test_score_person_by_mail_and_name():
    bc = signals("Anna Berg", email="anna@contoso.de")
    assert score(signals("Anna Berg", emailaddress1="ANNA@contoso.de"), Profile.PERSON, bc).value >= CLEAR_SCORE
    assert score(signals("Berg Anna"), Profile.PERSON, bc).value < CLEAR_SCORE


def test_score_relatives_in_one_company_are_not_alike():
    bc = signals("Derek Castillo", email="derek@contoso.de")
    found = score(signals("Grace Castillo", emailaddress1="grace@contoso.de"), Profile.PERSON, bc)
    assert "similar name" not in reasons(list(found.reasons))
    assert "similar name" in reasons(list(score(signals("Derek Castilo"), Profile.PERSON, bc).reasons))


def test_score_article_is_told_by_its_number():
    bc = signals("Bicycle", number="1000")
    assert score(signals("Bike", number="1000"), Profile.ARTICLE, bc).value >= CLEAR_SCORE
    assert score(signals("Bicycle", number="2000"), Profile.ARTICLE, bc).value < CLEAR_SCORE


def test_profile_follows_the_tables():
    assert profile_of("customers", "accounts") == Profile.COMPANY
    assert profile_of("contacts", "contacts") == Profile.PERSON
    assert profile_of("salespeoplePurchasers", "systemusers") == Profile.PERSON
    assert profile_of("items", "products") == Profile.ARTICLE


def test_registration_ignores_country_and_punctuation():
    assert registration("DE 811.234-567") == registration("811234567") == "811234567"
    assert registration("000000") == registration("12") == ""


names = st.text(alphabet="abcdefghij äöüß-.&GmbHLtd", min_size=0, max_size=30)


@given(names, names)
def test_score_is_a_share_and_symmetric_in_names(one, two):
    forth = compare(signals(one), signals(two), Profile.COMPANY)
    back = compare(signals(two), signals(one), Profile.COMPANY)
    assert 0 <= forth.value < CLEAR_SCORE
    assert forth.value == back.value
