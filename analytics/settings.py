"""Django settings, all from the environment (and `.env`); docs/operations.md names every one."""

from logging.config import dictConfig
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from analytics.configuration import server_urls, table, unknown_names
from analytics.configuration.env_file import read_env_file
from analytics.up.data_folder import DataFolder

BASE_DIR = Path(__file__).resolve().parent.parent
if not table.CHILD.value():
    read_env_file(BASE_DIR / ".env")
unknown_names.tell()
table.check()

FOOTFALL_DATA = DataFolder(table.DATA.value() or BASE_DIR / "var")

SECRET_KEY = table.SECRET_KEY.value() or FOOTFALL_DATA.secret_key() or ""
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set, and there is no key in the data folder. Set it, or start with "
        "scripts/run, which makes one and keeps it."
    )
table.SECRET_KEY.read(SECRET_KEY, f"The key in {FOOTFALL_DATA.path / 'secret_key'}")

SECRET_KEY_FALLBACKS = table.SECRET_KEY_FALLBACKS.value()

DEBUG = False
ALLOWED_HOSTS = table.ALLOWED_HOSTS.value()
CSRF_TRUSTED_ORIGINS = table.TRUSTED_ORIGINS.value()
FOOTFALL_HTTPS = table.HTTPS.value()
FOOTFALL_URL = table.URL.value() or FOOTFALL_DATA.url() or "http://localhost:8000"

INSTALLED_APPS = [
    # Before ours, which takes them out of the admin.
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "analytics",
    "tracker",
    "analytics.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "ninja",  # for its vendored API docs, which then load no CDN
]

MIDDLEWARE = [
    "analytics.access.content_policy.SecurityPolicyMiddleware",
    "analytics.api.manners.ApiMannersMiddleware",
    "analytics.access.login_answers.LoginAnswersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "analytics.assets.files.AssetsMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "analytics.access.sessions.LivingSessionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "analytics.urls"
# Whose description of itself says which parameters its addresses take.
FOOTFALL_API = "analytics.urls.api"
ASGI_APPLICATION = "analytics.asgi.application"

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
                "analytics.access.menu.menu",
            ],
        },
    },
]

DATABASE_URL = table.DATABASE_URL.value() or FOOTFALL_DATA.database_url() or ""
if not DATABASE_URL:
    raise ImproperlyConfigured(
        "There is no database: start scripts/run first (it brings its own Postgres), or set DATABASE_URL."
    )
table.DATABASE_URL.read(DATABASE_URL, f"The address in {FOOTFALL_DATA.path / 'database_url'}")
DATABASES = {"default": server_urls.database(DATABASE_URL)}
# Without these, a server that vanished without goodbye (power, firewall) would hold a thread for hours.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    **DATABASES["default"]["OPTIONS"],
}

REDIS_URL = table.REDIS_URL.value() or ""
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Django's PBKDF2, which makes 1,000,000 rounds for each password, in threads of its own.
PASSWORD_HASHERS = ["analytics.access.hashing.PooledHasher"]
FOOTFALL_HASHING_THREADS = table.HASHING_THREADS.value()
FOOTFALL_LOGIN_ROOM = table.LOGIN_ROOM.value()
# Seconds for which somebody waits for a turn to log in, and after which a refusal is said: together less than
# the 10 s after which daphne ends what answers somebody who has left.
LOGIN_PATIENCE, LOGIN_HOLD = 7.0, 2.0
# The same for any other request that waits for its turn.
REQUEST_PATIENCE = 7.0
FOOTFALL_REQUESTS = table.REQUESTS.value()
# Seconds by which somebody who was told to wait may come later, and is looked at: so long is it remembered.
LOGIN_GRACE = 3600
FOOTFALL_LOGIN_TRIES = table.LOGIN_TRIES.value()
FOOTFALL_LOGIN_WAIT = table.LOGIN_WAIT.value()
FOOTFALL_LOGIN_TRIES_PER_ADDRESS = table.LOGIN_TRIES_PER_ADDRESS.value()
FOOTFALL_LOGIN_TRIES_PER_NAME = table.LOGIN_TRIES_PER_NAME.value()
FOOTFALL_LOGIN_LONGEST_WAIT = table.LOGIN_LONGEST_WAIT.value()
# Edges ask it whether a header holds a token: tokens are the read side's, whose models they start without.
FOOTFALL_INSPECTORS = "analytics.access.token_check.holds_token"
# Background work beside that of the write side, which names no table of ours.
FOOTFALL_JOBS = "analytics.upkeep.jobs.JOBS"
FOOTFALL_ADMIN_LOG_DAYS = table.ADMIN_LOG_DAYS.value()
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

_mail = server_urls.mail_server(table.EMAIL_URL.value())
EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["EMAIL_USE_TLS"], _mail["EMAIL_USE_SSL"]
# Somebody waits for the page that says whether a letter went out.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = table.MAIL_FROM.value() or f"Footfall <footfall@{urlsplit(FOOTFALL_URL).hostname}>"

# From the last use of a session, not from its login: `access.sessions`.
SESSION_COOKIE_AGE = table.SESSION_DAYS.value() * 86_400
OTP_TOTP_ISSUER = "Footfall"
# Codes are counted as passwords are (`access.second_factor`), which locks no owner out; these would.
OTP_TOTP_THROTTLE_FACTOR = OTP_STATIC_THROTTLE_FACTOR = 0
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = FOOTFALL_HTTPS
X_FRAME_OPTIONS = "DENY"
# Footfall never speaks TLS itself: redirects to HTTPS belong to the proxy that does. HSTS is said by
# `access.content_policy`, since Django says it to nobody who comes through a proxy.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]
SECURE_REFERRER_POLICY = "same-origin"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files are served from where they lie: no collectstatic step between a checkout and a board.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "analytics.assets.files.HashedStorage"},
}

FOOTFALL_TRUSTED_PROXIES = table.TRUSTED_PROXIES.value()
FOOTFALL_GEO = table.GEO.value()
FOOTFALL_BUFFER = table.BUFFER.value()
FOOTFALL_SPOOL = table.SPOOL.value() or FOOTFALL_DATA.path / "spool"
FOOTFALL_SPOOL_BYTES = table.SPOOL_BYTES.value()
FOOTFALL_MESSAGE_BURST = table.MESSAGE_BURST.value()
FOOTFALL_MESSAGE_RATE = table.MESSAGE_RATE.value()
FOOTFALL_DRAIN_SECONDS = table.DRAIN_SECONDS.value()
FOOTFALL_WATCHDOG = table.WATCHDOG.value()
FOOTFALL_SOCKETS = table.SOCKETS.value()
FOOTFALL_SOCKETS_PER_ADDRESS = table.SOCKETS_PER_ADDRESS.value()
FOOTFALL_ADDRESS_BURST = table.ADDRESS_BURST.value()
FOOTFALL_ADDRESS_RATE = table.ADDRESS_RATE.value()
FOOTFALL_API_RATE = table.API_RATE.value()
FOOTFALL_NAMES = table.NAMES.value()
FOOTFALL_RAW_DAYS = table.RAW_DAYS.value()
FOOTFALL_HISTORY = table.HISTORY.value() or FOOTFALL_DATA.path / "history"
FOOTFALL_HISTORY_BYTES = table.HISTORY_BYTES.value()
FOOTFALL_SEALING_MEMORY = table.SEALING_MEMORY.value()
FOOTFALL_QUESTIONS_MEMORY = table.QUESTIONS_MEMORY.value()
FOOTFALL_ERASE_WAIT = table.ERASE_WAIT.value()
FOOTFALL_SIGNALS_SOCKET = table.SIGNALS_SOCKET.value() or FOOTFALL_DATA.signals_socket()
FOOTFALL_BROKER = table.BROKER.value()
FOOTFALL_CONSUME_BYTES = table.CONSUME_BYTES.value()
FOOTFALL_STREAMS = table.STREAMS.value()
FOOTFALL_LOG_SALT_HOURS = table.LOG_SALT_HOURS.value()
FOOTFALL_METRICS_SITES = table.METRICS_SITES.value()
FOOTFALL_SIGNAL_HOURS = table.SIGNAL_HOURS.value()
FOOTFALL_SIGNAL_DAYS = table.SIGNAL_DAYS.value()
FOOTFALL_SIGNAL_MONTHS = table.SIGNAL_MONTHS.value()

FOOTFALL_LOG = table.LOG.value()
FORMATTERS = {"text": "tracker.logs.lines.TextLines", "json": "tracker.logs.lines.JsonLines"}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": FORMATTERS[FOOTFALL_LOG]}},
    "filters": {
        "refusals": {"()": "tracker.logs.refusals.Refusals"},
        "sampled": {"()": "tracker.logs.sampling.Sampled"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals", "sampled"],  # in this order: kinds are told apart by our own words
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
# Django's own way first sets up mail to admins, and loads views, forms, templates and models for it: a third
# of what an edge's start takes.
LOGGING_CONFIG = None
dictConfig(LOGGING)
