"""Both batch formats: what is written, and what is read from complete and cut-off answers."""

from decimal import Decimal

import pytest

from connector.http.batch import (
    ChangeSet,
    Part,
    PartAnswer,
    decode_json,
    decode_multipart,
    encode_json,
    encode_multipart,
)

ROOT = "https://sales.example/api/data/v9.2"


def _answer(*parts: str, boundary: str = "batchresponse_1") -> bytes:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"{body}--{boundary}--\r\n".encode()


def _part(status: str, headers: str = "", body: str = "") -> str:
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    return f"{head}HTTP/1.1 {status}\r\n{headers}\r\n{body}"


def test_multipart_has_crlf_everywhere_and_absolute_addresses():
    content_type, content = encode_multipart(
        [
            Part("GET", "accounts?$top=1"),
            Part("PATCH", "accounts(1)", {"creditlimit": Decimal("10.50")}, {"If-Match": "*"}),
        ],
        root=ROOT,
    )
    assert content.count(b"\n") == content.count(b"\r\n")
    boundary = content_type.partition("boundary=")[2].strip('"')
    assert content.startswith(f"--{boundary}\r\n".encode())
    assert content.endswith(f"--{boundary}--\r\n".encode())
    assert f"GET {ROOT}/accounts?$top=1 HTTP/1.1\r\n".encode() in content
    assert b"If-Match: *\r\n" in content
    assert b'\r\n\r\n{"creditlimit":10.50}\r\n' in content


def test_multipart_numbers_the_parts_of_a_change_set():
    _, content = encode_multipart([ChangeSet([Part("POST", "accounts", {}), Part("PATCH", "$1", {})])], root=ROOT)
    assert b"Content-ID: 1\r\n" in content
    assert b"Content-ID: 2\r\n" in content
    assert b"PATCH $1 HTTP/1.1" in content


def test_multipart_answers_come_in_order_with_status_headers_and_data():
    content = _answer(
        _part("200 OK", 'ETag: W/"7"\r\n', '{"@odata.etag":"W/\\"7\\"","creditlimit":1.10}'),
        _part("204 No Content", "OData-Version: 4.0\r\n"),
        _part("404 Not Found", "", '{"error":{"code":"0x80040217","message":"gone"}}'),
    )
    answers = decode_multipart("multipart/mixed; boundary=batchresponse_1", content)
    assert answers == [
        PartAnswer(200, {"etag": 'W/"7"'}, {"@odata.etag": 'W/"7"', "creditlimit": Decimal("1.10")}),
        PartAnswer(204, {"odata-version": "4.0"}, None),
        PartAnswer(404, {}, {"error": {"code": "0x80040217", "message": "gone"}}),
    ]


def test_multipart_change_set_is_a_list_when_it_succeeded():
    inner = _answer(_part("204 No Content", "Content-ID: 1\r\n"), boundary="changesetresponse_2").decode()
    content = _answer(f'Content-Type: multipart/mixed; boundary="changesetresponse_2"\r\n\r\n{inner}')
    answers = decode_multipart("multipart/mixed; boundary=batchresponse_1", content)
    assert answers == [[PartAnswer(204, {"content-id": "1"}, None)]]


def test_multipart_leaves_out_a_part_that_was_cut_off():
    whole = _answer(_part("204 No Content"), _part("200 OK", "", '{"name":"Adatum"}'))
    cut = whole[: whole.rindex(b"Adatum")]
    answers = decode_multipart("multipart/mixed; boundary=batchresponse_1", cut)
    assert answers == [PartAnswer(204, {}, None)]


def test_multipart_refuses_an_answer_that_is_none():
    with pytest.raises(ValueError, match="multipart"):
        decode_multipart("text/html", b"<html>")


def test_json_batch_gives_every_request_its_position_as_id():
    body = encode_json([Part("GET", "items"), Part("PATCH", "items(1)", {"unitPrice": 1}, {"If-Match": "*"})])
    assert body == {
        "requests": [
            {"id": "0", "method": "GET", "url": "items", "headers": {}},
            {
                "id": "1",
                "method": "PATCH",
                "url": "items(1)",
                "body": {"unitPrice": 1},
                "headers": {"If-Match": "*", "Content-Type": "application/json"},
            },
        ]
    }


def test_json_answers_are_matched_by_id_whatever_their_order():
    data = {
        "responses": [
            {"id": "1", "status": 409, "headers": {}, "body": {"error": {"code": "Request_EntityChanged"}}},
            {"id": "0", "status": 200, "headers": {"OData-Version": "4.0"}, "body": {"id": "a"}},
            {"id": None, "status": 200},
        ]
    }
    answers = decode_json(data, count=3)
    assert answers == {
        0: PartAnswer(200, {"odata-version": "4.0"}, {"id": "a"}),
        1: PartAnswer(409, {}, {"error": {"code": "Request_EntityChanged"}}),
    }
