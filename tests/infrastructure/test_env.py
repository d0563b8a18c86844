from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


def test_text_unset_or_blank_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME", raising=False)
    assert env.text("SOME") is None
    monkeypatch.setenv("SOME", "  ")
    assert env.text("SOME", "default") == "default"


def test_text_from_file_loses_its_line_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("SOME_FILE", str(tmp_path / "secret"))
    assert env.text("SOME") == "s3cret"


def test_text_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME", "a")
    monkeypatch.setenv("SOME_FILE", str(tmp_path / "secret"))
    with pytest.raises(ImproperlyConfigured, match="SOME or SOME_FILE, not both"):
        env.text("SOME")


def test_text_file_missing_names_variable_and_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match=r"SOME_FILE names .*nowhere"):
        env.text("SOME")


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("Yes", True), ("off", False), ("0", False)])
def test_boolean_understands_usual_words(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("SOME", value)
    assert env.boolean("SOME", not expected) is expected


def test_boolean_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="SOME is 'perhaps'"):
        env.boolean("SOME", True)


@pytest.mark.parametrize("value", ["0", "65536", "http", "80.5"])
def test_port_out_of_range_or_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME", value)
    with pytest.raises(ImproperlyConfigured, match="SOME is"):
        env.port("SOME", 8000)


def test_items_leave_out_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME", " a, ,b ,")
    assert env.items("SOME") == ["a", "b"]


@pytest.mark.parametrize("value", ["couplet.example.com", "https://", "https://couplet.example.com/hub"])
def test_web_origin_other_than_scheme_and_host_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME", value)
    with pytest.raises(ImproperlyConfigured, match=r"https://couplet\.example\.com"):
        env.web_origin("SOME", "http://127.0.0.1")


def test_web_origin_loses_the_trailing_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME", "https://couplet.example.com:8443/")
    assert env.web_origin("SOME", "http://127.0.0.1") == "https://couplet.example.com:8443"
