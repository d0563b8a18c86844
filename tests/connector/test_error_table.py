"""The error table: what refusals of both systems and of the identity service become."""

import pytest
import requests
import urllib3

from connector.choices import System
from connector.error_rules import RULES
from connector.error_table import Answer, error_of_answer, error_of_exception, error_of_token_answer
from connector.errors import ErrorKind, Retry

S, B, K = System.SALES, System.BUSINESS_CENTRAL, ErrorKind


@pytest.mark.parametrize(
    ("system", "status", "remote_code", "message", "code", "kind"),
    [
        (S, 400, "0x80044352", "Version stamp expired.", "sales.delta_expired", K.TRANSIENT),
        (S, 403, "0x80072560", "The user is not a member of the organization.", "sales.user_missing", K.CONFIG),
        (S, 403, "0x80040225", "The specified user is disabled.", "sales.user_disabled", K.CONFIG),
        (S, 412, "0x80060882", "The version does not match.", "record.changed", K.CONFLICT),
        (S, 412, "0x80040237", "A record with matching key values already exists.", "record.exists", K.DATA),
        (S, 412, "0x80060892", "Duplicate alternate key.", "record.duplicate_key", K.DATA),
        (S, 429, "0x80072326", "Too many concurrent requests.", "sales.throttled", K.THROTTLED),
        (S, 503, "", "", "remote.unavailable", K.TRANSIENT),
        (S, 500, "0x80040216", "Generic SQL error. Sql Number: 1205", "sales.busy", K.TRANSIENT),
        (S, 401, "", "", "sales.token_refused", K.CONFIG),
        (S, 404, "0x8006088a", "Resource not found for the segment 'x'.", "sales.unknown_table", K.CONFIG),
        (B, 401, "Authentication_InvalidCredentials", "rejected", "business_central.app_not_enabled", K.CONFIG),
        (B, 404, "NoEnvironment", "Environment does not exist.", "business_central.unknown_environment", K.CONFIG),
        (B, 404, "Internal_CompanyNotFound", "Cannot find company.", "business_central.unknown_company", K.CONFIG),
        (B, 409, "Request_EntityChanged", "Another user changed it.", "record.changed", K.CONFLICT),
        (B, 412, "", "", "record.changed", K.CONFLICT),
        (B, 400, "Internal_EntityWithSameKeyExists", "already exists", "record.exists", K.DATA),
        (B, 409, "Internal_EntityWithSameKeyExists", "already exists", "record.exists", K.DATA),
        (B, 404, "Internal_RecordNotFound", "does not exist", "record.missing", K.DEPENDENCY),
        (B, 400, "Internal_RecordNotFound", "The unit does not exist", "record.part_missing", K.DEPENDENCY),
        (B, 429, "", "", "business_central.throttled", K.THROTTLED),
        (B, 400, "Unknown", "The table is locked by another user. Try again.", "business_central.busy", K.TRANSIENT),
        (B, 400, "Application_DialogException", "No number series.", "record.refused", K.DATA),
        (B, 504, "", "<html>", "remote.trouble", K.TRANSIENT),
        (B, 418, "", "", "remote.unexpected", K.BUG),
    ],
)
def test_refusals_are_told_apart(system, status, remote_code, message, code, kind):
    error = error_of_answer(Answer(system, status, remote_code, message))
    assert (error.code, error.kind) == (code, kind)
    assert str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("system", "status", "remote_code", "message", "details", "sentence"),
    [
        (
            S,
            403,
            "0x80040220",
            "Principal user (Id=1, type=8) is missing prvCreateAccount privilege on OTC=1.",
            {"privilege": "prvCreateAccount"},
            "The hub's application user in Sales lacks the privilege prvCreateAccount.",
        ),
        (
            S,
            400,
            "0x80044331",
            "A validation error occurred. The length of the 'name' attribute of the 'account' entity exceeded the "
            "maximum allowed length of '160'.",
            {"field": "name", "limit": "160"},
            "The text for name is longer than the 160 characters that Sales allows.",
        ),
        (
            B,
            403,
            "Internal_ServerError",
            "You do not have the following permissions on TableData Customer: Read.",
            {"object": "Customer", "permission": "Read"},
            "The hub's application lacks the permission Read on Customer in Business Central.",
        ),
        (
            B,
            400,
            "Internal_InvalidTableRelation",
            "The field Salesperson Code of table Customer contains a value (XX) that cannot be found in the related "
            "table (Salesperson/Purchaser).",
            {"field": "Salesperson Code", "value": "XX"},
            "Business Central does not know the value XX of Salesperson Code.",
        ),
        (
            S,
            404,
            "0x80040217",
            "Entity 'account' With Id = 00000000-0000-4000-8000-000000000001 Does Not Exist",
            {"table": "account", "id": "00000000-0000-4000-8000-000000000001"},
            "The account 00000000-0000-4000-8000-000000000001 does not exist in Sales any more.",
        ),
    ],
)
def test_sentences_name_what_the_message_says(system, status, remote_code, message, details, sentence):
    error = error_of_answer(Answer(system, status, remote_code, message))
    assert str(error) == sentence
    assert {name: error.details[name] for name in details} == details


def test_too_long_text_is_found_in_the_body_when_the_message_does_not_name_it():
    message = "The length of the string is 25, but it must be less than or equal to 20 characters. CorrelationId:  \
0f6c0000-0000-4000-8000-000000000001."
    error = error_of_answer(
        Answer(B, 400, "Application_StringExceededLength", message),
        body={"displayName": "short", "phoneNumber": "0" * 25},
    )
    assert str(error) == "The text for phoneNumber is longer than the 20 characters that Business Central allows."


def test_missing_names_fall_back_to_the_systems_words():
    error = error_of_answer(Answer(S, 403, "0x80040220", "Keine Berechtigung."))
    assert str(error) == "The hub's application user in Sales lacks a privilege: Keine Berechtigung."


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (7000215, "sign_in.wrong_secret"),
        (7000222, "sign_in.expired_secret"),
        (700016, "sign_in.unknown_client"),
        (90002, "sign_in.unknown_tenant"),
        (500011, "sign_in.unknown_resource"),
        (700027, "sign_in.certificate"),
        (999999, "sign_in.refused"),
    ],
)
def test_sign_in_refusals_are_told_apart(number, code):
    result = {
        "error": "invalid_client",
        "error_description": f"AADSTS{number}: No.\nTrace ID: 1",
        "error_codes": [number],
    }
    error = error_of_token_answer(S, result, host="login.example")
    assert (error.code, error.kind, error.system) == (code, K.CONFIG, S)


def test_sign_in_number_is_read_from_the_description_when_the_list_is_missing():
    result = {"error": "invalid_request", "error_description": "AADSTS90002: Tenant 'x' not found."}
    assert error_of_token_answer(None, result, host="login.example").code == "sign_in.unknown_tenant"


@pytest.mark.parametrize(
    ("exception", "code", "retry"),
    [
        (requests.exceptions.ConnectTimeout("slow"), "connection.unreachable", Retry.AFTER_PAUSE),
        (requests.exceptions.ReadTimeout("slow"), "connection.timeout", Retry.LATER),
        (requests.exceptions.ChunkedEncodingError("cut"), "connection.lost", Retry.LATER),
        (
            requests.exceptions.ConnectionError(urllib3.exceptions.NewConnectionError(None, "refused")),
            "connection.unreachable",
            Retry.AFTER_PAUSE,
        ),
        (
            requests.exceptions.ConnectionError("Remote end closed connection without response"),
            "connection.lost",
            Retry.LATER,
        ),
        (
            requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"),
            "connection.untrusted",
            Retry.NEVER,
        ),
        (requests.exceptions.SSLError("[SSL: WRONG_VERSION_NUMBER]"), "connection.not_tls", Retry.NEVER),
    ],
)
def test_requests_without_an_answer_are_told_apart(exception, code, retry):
    error = error_of_exception(S, exception, host="sales.example")
    assert (error.code, error.retry) == (code, retry)
    assert error.outcome_unknown is (retry is Retry.LATER)


def test_credentials_in_a_message_are_not_kept():
    error = error_of_answer(Answer(S, 400, "0x80040265", "Call failed: Authorization Bearer eyJhbGciOi.secret"))
    assert "eyJhbGciOi" not in str(error.details)


def test_every_rule_has_a_sentence_and_a_way_out():
    for rule in RULES:
        assert rule.message.endswith((".", "}")), rule.code
        assert rule.hint, rule.code
