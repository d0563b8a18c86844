"""What is left: statuses whatever the code, and requests that got no answer at all."""

import requests
import urllib3

from connector.error_rules.shape import Rule, TransportRule
from connector.errors import ErrorKind as K
from connector.errors import Retry

GENERAL_RULES = (
    Rule(
        "remote.unavailable",
        K.TRANSIENT,
        "{system} is not available at the moment.",
        "Nothing to do: the hub tries again.",
        Retry.AFTER_PAUSE,
        status=(503,),
    ),
    Rule(
        "remote.trouble",
        K.TRANSIENT,
        "{system} had an internal problem: {remote}",
        "The hub tries again. If it stays, look at the service's health page.",
        Retry.LATER,
        status=(408, 500, 502, 504),
    ),
    Rule(
        "remote.too_large",
        K.DATA,
        "The request was larger than {system} accepts.",
        "The hub sends smaller requests; if a single record is too large, shorten its texts.",
        status=(413,),
    ),
    Rule(
        "remote.redirected",
        K.CONFIG,
        "{system} answered with a redirection to another address.",
        "Enter the address that the service itself uses.",
        status=(301, 302, 303, 307, 308),
    ),
    Rule(
        "remote.not_found",
        K.CONFIG,
        "{system} has nothing at this address: {remote}",
        "Check the address, the environment and the company.",
        status=(404,),
    ),
    Rule(
        "remote.forbidden",
        K.PERMISSION,
        "{system} does not allow this to the hub: {remote}",
        "Check the roles or permission sets of the hub's application.",
        status=(401, 403),
    ),
    Rule(
        "record.refused",
        K.DATA,
        "{system} refused the record: {remote}",
        "Correct the value that the message names.",
        status=(400, 409, 412, 422),
    ),
    Rule(
        "remote.unexpected",
        K.BUG,
        "{system} answered in a way that the hub does not expect: {remote}",
        "Report this with the request id.",
    ),
)

TRANSPORT_RULES = (
    TransportRule(
        "connection.untrusted",
        K.CONFIG,
        Retry.NEVER,
        "The certificate of {host} is not trusted.",
        "Check the address; if a proxy or the sandbox answers there, make its certificate authority known to the hub "
        "(SANDBOX_CA_FILE).",
        lambda error, chain: (
            isinstance(error, requests.exceptions.SSLError)
            and ("CERTIFICATE" in chain.upper() or "hostname" in chain.lower())
        ),
    ),
    TransportRule(
        "connection.not_tls",
        K.CONFIG,
        Retry.NEVER,
        "{host} does not answer with a secure connection.",
        "Check the address and the port.",
        lambda error, chain: isinstance(error, requests.exceptions.SSLError) and "EOF" not in chain,
    ),
    TransportRule(
        "connection.unknown_host",
        K.TRANSIENT,
        Retry.AFTER_PAUSE,
        "There is no server named {host}.",
        "Check the address for typing errors, and the hub's network and name resolution.",
        lambda error, chain: "NameResolutionError" in chain or "getaddrinfo" in chain or "Name or service" in chain,
    ),
    TransportRule(
        "connection.unreachable",
        K.TRANSIENT,
        Retry.AFTER_PAUSE,
        "{host} cannot be reached.",
        "Check the address, the network and firewalls between the hub and the service.",
        lambda error, chain: (
            isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError)
            or "NewConnectionError" in chain
        ),
    ),
    TransportRule(
        "connection.timeout",
        K.TRANSIENT,
        Retry.LATER,
        "{host} did not answer in time.",
        "The hub tries again with smaller requests.",
        lambda error, chain: isinstance(error, requests.exceptions.ReadTimeout) or "Read timed out" in chain,
    ),
    TransportRule(
        "connection.bad_address",
        K.CONFIG,
        Retry.NEVER,
        "{host} is not an address that the hub can call.",
        "Check the address.",
        lambda error, chain: isinstance(
            error,
            requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema,
        ),
    ),
    TransportRule(
        "connection.lost",
        K.TRANSIENT,
        Retry.LATER,
        "The connection to {host} broke before the answer was complete.",
        "The hub tries again; if it stays, check the network.",
        lambda error, chain: isinstance(error, requests.exceptions.RequestException | urllib3.exceptions.HTTPError),
    ),
)
