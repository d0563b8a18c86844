"""The description of the REST API is complete and free of warnings."""

from django.core.management import call_command
from django.urls import get_resolver

from tests.api.schema import description, endpoints, operation


def test_description_is_valid_and_free_of_warnings(tmp_path, capsys):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    assert "Warning" not in capsys.readouterr().err


def test_every_address_below_the_api_is_described():
    described = {path for path, _ in endpoints()}
    resolver = get_resolver()
    for name, ways in resolver.reverse_dict.lists():
        if isinstance(name, str) and name.startswith("api-") and name != "api-docs":
            [(pattern, arguments)] = ways[0][0]
            pattern = "/" + pattern % {each: f"{{{'id' if each == 'pk' else each}}}" for each in arguments}
            assert pattern in described, name


def test_every_operation_says_in_words_what_it_does_and_who_is_refused():
    for path, method in endpoints():
        described = operation_of(path, method)
        assert described.get("summary"), f"{method} {path}"
        assert {"401", "403"} <= set(described["responses"]), f"{method} {path}"


def test_every_operation_with_a_success_body_describes_it():
    for path, method in endpoints():
        for status, response in operation_of(path, method)["responses"].items():
            assert status == "204" or response.get("content"), f"{method} {path} {status}"


def test_operation_ids_are_unique():
    ids = [operation_of(path, method)["operationId"] for path, method in endpoints()]
    assert len(ids) == len(set(ids))


def test_secrets_are_taken_and_never_shown():
    schemas = description()["components"]["schemas"]
    for name in ("client_secret", "certificate", "private_key"):
        assert name in schemas["PatchedSettingsRequest"]["properties"]
        assert name not in schemas["Settings"]["properties"]


def test_document_and_its_page_are_for_people_with_a_role(api, people):
    assert operation("/api/v1/status/", "get")
    assert api("").client.get("/api/schema/").status_code == 401
    assert api("salesperson").client.get("/api/schema/").status_code == 200


def operation_of(path: str, method: str) -> dict:
    return description()["paths"][path][method]
