"""Brings addresses that people paste into the form the hub works with."""

from urllib.parse import urlsplit

from connector.errors import SettingsError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin(text: str, *, setting: str) -> str:
    """`https://host[:port]` of a pasted address, lower case, whatever path follows. Raises SettingsError.

    Plain http is for the hub's own machine only.
    """
    text = text.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused(setting, "This is not an address.") from error
    if not host or parts.scheme not in _DEFAULT_PORTS or " " in text or parts.username or parts.password:
        raise _refused(setting, "Enter an address such as https://contoso.crm4.dynamics.com.")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise _refused(setting, "Enter an https address.")
    host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def web_address(text: str, *, setting: str) -> str:
    """As `origin`, with the path; what a page's address says beyond that is cut. Raises SettingsError."""
    text = text.strip() if "://" in text else f"https://{text.strip()}"
    return f"{origin(text, setting=setting)}{urlsplit(text).path}"


def _refused(setting: str, sentence: str) -> SettingsError:
    return SettingsError(sentence, fields={setting: [sentence]})
