"""Django's settings of the hub.

Everything that differs between installations comes from the environment (docs/configuration.md lists the variables);
what is not set has a default that is safe in production, or one that makes `make run` work out of the box.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF

from config import embedded, env, keys
from config.database import database_from_url

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.directory("COUPLET_DATA_DIR", BASE_DIR / "var")
DEBUG = env.boolean("COUPLET_DEBUG", False)

# --- Servers -------------------------------------------------------------------------------------------------------

_database_url = env.text("DATABASE_URL")
_redis_url = env.text("REDIS_URL")
EMBEDDED_POSTGRES = _database_url is None
EMBEDDED_REDIS = _redis_url is None

DATABASES = {"default": database_from_url(_database_url or embedded.postgres_address(DATA_DIR))}
REDIS_URL = _redis_url or embedded.redis_address(DATA_DIR)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
# A worker that serves all three takes from `high` first: somebody waits for that job.
RQ_QUEUES = {name: {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 3600} for name in ("high", "default", "low")}
RQ = {"WORKER_CLASS": "syncjobs.worker.PreparedWorker"}

# How long a request whose answer got lost may still be under way before its record is looked for.
COUPLET_DELETIONS_WITHOUT_ASKING = env.integer("COUPLET_DELETIONS_WITHOUT_ASKING", 20, at_least=0, at_most=1_000_000)
COUPLET_HOOKS = env.items("COUPLET_HOOKS")
COUPLET_CREATE_GRACE_SECONDS = env.integer("COUPLET_CREATE_GRACE_SECONDS", 5, at_least=0, at_most=600)

# --- The sandbox ---------------------------------------------------------------------------------------------------

SANDBOX_ENABLED = env.boolean("COUPLET_SANDBOX", True)
SANDBOX_DATA_DIR = DATA_DIR / "sandbox"
SANDBOX_PORT = env.port("COUPLET_SANDBOX_PORT", 8443)
SANDBOX_HTTP_PORT = env.port("COUPLET_SANDBOX_HTTP_PORT", 8480)
# Certificates of this authority are trusted beside the public ones; empty trusts the public ones only.
SANDBOX_CA_FILE = env.text("SANDBOX_CA_FILE", str(SANDBOX_DATA_DIR / "ca.pem") if SANDBOX_ENABLED else "")

# --- Addresses and secrets -----------------------------------------------------------------------------------------

WEB_HOST = env.text("COUPLET_HOST", "127.0.0.1")
WEB_PORT = env.port("COUPLET_PORT", 8000)
WORKERS = env.integer("COUPLET_WORKERS", 4, at_least=1, at_most=64)

BASE_URL = env.web_origin("COUPLET_BASE_URL", f"http://127.0.0.1:{WEB_PORT}")
_base = urlsplit(BASE_URL)
ALLOWED_HOSTS = env.items("COUPLET_ALLOWED_HOSTS") or sorted({str(_base.hostname), "127.0.0.1", "localhost", "[::1]"})
CSRF_TRUSTED_ORIGINS = [BASE_URL]

# Fernet keys, newest first: the first encrypts, all of them decrypt.
COUPLET_ENCRYPTION_KEYS = env.items("COUPLET_ENCRYPTION_KEYS")
SECRET_KEY = env.text("COUPLET_SECRET_KEY", "")
SECRETS_IN_DATA_DIR = not (SECRET_KEY and COUPLET_ENCRYPTION_KEYS)
if not SECRET_KEY:
    SECRET_KEY = keys.kept_secret(DATA_DIR, "secret_key", keys.new_secret_key)
if not COUPLET_ENCRYPTION_KEYS:
    COUPLET_ENCRYPTION_KEYS = [keys.kept_secret(DATA_DIR, "encryption_key", keys.new_encryption_key)]

# --- Django --------------------------------------------------------------------------------------------------------

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "config",
    "connector",
    "coupling",
    "syncjobs",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_filters",
    "django_htmx",
    "django_rq",
    "django_tables2",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "rest_framework.authtoken",
]

MIDDLEWARE = [
    "syncjobs.webhooks.middleware.ReceiverMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "config.access.AccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.web.context.page",
                "syncjobs.context.workers",
            ],
            "builtins": ["config.templatetags.couplet"],
        },
    },
]
FORM_RENDERER = "config.web.forms.FormRenderer"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Mail, for notices ---------------------------------------------------------------------------------------------

MAIL_URL = env.text("COUPLET_MAIL_URL", "")
_mail = urlsplit(MAIL_URL)
EMAIL_HOST = _mail.hostname or ""
EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp" and EMAIL_PORT == 587
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.text("COUPLET_MAIL_FROM", f"couplet@{_base.hostname}")

# --- Signing in ----------------------------------------------------------------------------------------------------

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_NAME = "couplet_session"
CSRF_COOKIE_NAME = "couplet_csrf"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- Security ------------------------------------------------------------------------------------------------------

# A base address with https means that a proxy in front ends TLS and sets X-Forwarded-Proto on every request.
_https = _base.scheme == "https"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _https else 0
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# --- REST API ------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.access.HasCapability"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "config.rest.Pages",
    "EXCEPTION_HANDLER": "config.rest.handle_exception",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Couplet",
    "DESCRIPTION": "Couples and synchronises Business Central with Dynamics 365 Sales.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "OAS_VERSION": "3.1.0",
    # Endpoints are grouped by what follows the connection in their address.
    "SCHEMA_PATH_PREFIX": r"/api/v1/(connections/\{connection\}/)?",
    "ENUM_NAME_OVERRIDES": {
        "System": "connector.choices.System",
        "Direction": "connector.choices.Direction",
        "OneWay": "coupling.api.serializers.ONE_WAY",
        "ConnectionState": "connector.choices.ConnectionState",
        "CouplingState": "coupling.choices.CouplingState",
        "JobState": "syncjobs.choices.JobState",
        "OperationState": "syncjobs.choices.OperationState",
        "LineState": "syncjobs.choices.LineState",
        "ScheduleState": "syncjobs.choices.ScheduleState",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.describe_refusals",
    ],
}

DJANGO_TABLES2_TEMPLATE = "components/table.html"

# --- Logging -------------------------------------------------------------------------------------------------------

LOG_JSON = env.boolean("COUPLET_LOG_JSON", False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "config.logs.RedactingFilter"}},
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if LOG_JSON else "text",
            "filters": ["redact"],
        },
    },
    "root": {"handlers": ["console"], "level": env.text("COUPLET_LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "rq": {"handlers": [], "propagate": True},
        "urllib3": {"level": "WARNING"},
    },
}
