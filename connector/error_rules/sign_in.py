"""What the identity service's numbers mean (AADSTS…: public list of Entra ID error codes)."""

from connector.error_rules.shape import Rule
from connector.errors import ErrorKind as K
from connector.errors import Retry

_ENTRA_APP = "Entra admin center > App registrations > the application"


def _sign_in(code: str, numbers: tuple[int, ...], message: str, hint: str, kind: K = K.CONFIG) -> Rule:
    retry = Retry.AFTER_PAUSE if kind is K.TRANSIENT else Retry.NEVER
    return Rule(code, kind, message, hint, retry, codes=tuple(f"AADSTS{n}" for n in numbers), sign_in=True)


SIGN_IN_RULES = (
    _sign_in(
        "sign_in.wrong_secret",
        (7000215,),
        "The client secret is not the right one.",
        f"Enter the secret's Value, not its Secret ID: {_ENTRA_APP} > Certificates & secrets. The value is shown only "
        "once; make a new secret if it is lost.",
    ),
    _sign_in(
        "sign_in.expired_secret",
        (7000222,),
        "The client secret has expired.",
        f"Make a new one and enter its Value here: {_ENTRA_APP} > Certificates & secrets > New client secret.",
    ),
    _sign_in(
        "sign_in.no_credential",
        (7000218, 7000216),
        "The identity service expects a client secret or a certificate and got none.",
        "Enter the client secret on the Connection Setup page.",
    ),
    _sign_in(
        "sign_in.unknown_client",
        (700016,),
        "The tenant has no application with this client id.",
        "Compare Application (client) ID and Directory (tenant) ID with the overview page of the app registration: "
        f"{_ENTRA_APP} > Overview.",
    ),
    _sign_in(
        "sign_in.client_disabled",
        (7000112, 700030),
        "The application is disabled in the tenant.",
        "Entra admin center > Enterprise applications > the application > Properties: set Enabled for users to sign in "
        "to Yes.",
    ),
    _sign_in(
        "sign_in.unknown_tenant",
        (90002, 900023, 900021, 50020),
        "There is no tenant with this id or domain.",
        "Enter the Directory (tenant) ID of the app registration, or one of the tenant's verified domain names.",
    ),
    _sign_in(
        "sign_in.certificate",
        (700027, 700021, 7000229, 7000272),
        "The identity service does not accept the certificate.",
        f"Upload the public part of this certificate: {_ENTRA_APP} > Certificates & secrets > Certificates. If it is "
        "there, check that the private key belongs to it and that it has not expired.",
    ),
    _sign_in(
        "sign_in.clock",
        (700024,),
        "The hub's clock differs too much from the identity service's.",
        "Synchronise the clock of the machine that the hub runs on.",
    ),
    _sign_in(
        "sign_in.unknown_resource",
        (500011, 70011, 50001, 650057, 7000011),
        "The tenant knows no service at the given address.",
        "Check the Sales environment URL, and that the environment belongs to this tenant.",
    ),
    _sign_in(
        "sign_in.consent",
        (65001, 65004, 501051),
        "The application has not been granted its permissions.",
        f"{_ENTRA_APP} > API permissions: add API.ReadWrite.All of Dynamics 365 Business Central, then choose Grant "
        "admin consent.",
    ),
    _sign_in(
        "sign_in.unavailable",
        (90033, 90024, 50196, 90100, 50087),
        "The identity service is not available at the moment.",
        "The hub tries again by itself.",
        K.TRANSIENT,
    ),
    Rule(
        "sign_in.refused",
        K.CONFIG,
        "The identity service refused to sign the hub in: {remote}",
        "Compare tenant, client id and secret with the app registration in the Entra admin center.",
        sign_in=True,
    ),
)
