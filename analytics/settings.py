"""Django settings, all from the environment (and `.env`); docs/operations.md names every one."""

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from analytics.up import secret_key
from analytics.up.data_folder import DataFolder, read_env_file

BASE_DIR = Path(__file__).resolve().parent.parent
read_env_file(BASE_DIR / ".env")


def env_list(name: str, default: str = "") -> list[str]:
    """The comma-separated words of an environment variable."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def env_int(name: str, default: int, least: int = 1) -> int:
    """A whole number, at least 1 or what is said, from the environment."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}, not {text!r}.")
    return int(text)


FOOTFALL_DATA = DataFolder(Path(os.environ.get("FOOTFALL_DATA") or BASE_DIR / "var"))

SECRET_KEY = os.environ.get("SECRET_KEY") or FOOTFALL_DATA.secret_key() or ""
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set, and there is no key in the data folder. Set it, or start with "
        "scripts/run, which makes one and keeps it."
    )
if weak := secret_key.weakness(SECRET_KEY):
    raise ImproperlyConfigured(weak)

DEBUG = False
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("FOOTFALL_TRUSTED_ORIGINS")
# Set when staff reach Footfall over HTTPS, so that their cookies never travel in the clear.
FOOTFALL_HTTPS = os.environ.get("FOOTFALL_HTTPS", "") == "1"
# The address under which browsers reach Footfall; it stands in the snippets that it hands out.
FOOTFALL_URL = (os.environ.get("FOOTFALL_URL") or FOOTFALL_DATA.url() or "http://localhost:8000").rstrip("/")

INSTALLED_APPS = [
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
    "analytics.access.login_answers.LoginAnswersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "analytics.urls"
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
            ],
        },
    },
]

DATABASE_URL = os.environ.get("DATABASE_URL") or FOOTFALL_DATA.database_url() or ""
if not DATABASE_URL:
    raise ImproperlyConfigured(
        "There is no database: start scripts/run first (it brings its own Postgres), or set DATABASE_URL."
    )
DATABASES = {"default": dj_database_url.parse(DATABASE_URL)}
if "postgresql" not in DATABASES["default"]["ENGINE"]:
    raise ImproperlyConfigured("DATABASE_URL must name a Postgres server (postgres://…).")
# Without these, a server that vanished without goodbye (power, firewall) would hold a thread for hours.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    **DATABASES["default"].get("OPTIONS", {}),
}

REDIS_URL = os.environ.get("REDIS_URL", "")
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
# One password hashed at once is three people a second who log in; all other processors are for the others.
FOOTFALL_HASHING_THREADS = env_int("FOOTFALL_HASHING_THREADS", 1)
# Those who log in at once and wait for their turn; the last of them waits for 5 s where nobody else works.
FOOTFALL_LOGIN_ROOM = env_int("FOOTFALL_LOGIN_ROOM", 16)
# Seconds for which somebody waits for a turn to log in, and after which a refusal is said: together less than
# the 10 s after which daphne ends what answers somebody who has left.
LOGIN_PATIENCE, LOGIN_HOLD = 7.0, 2.0
# Seconds by which somebody who was told to wait may come later, and is looked at: so long is it remembered.
LOGIN_GRACE = 3600
# Wrong passwords for one name from one address, and the seconds to wait after them: who tries all that they
# have needs fewer, and who guesses gets 2,300 a day.
FOOTFALL_LOGIN_TRIES = env_int("FOOTFALL_LOGIN_TRIES", 8)
FOOTFALL_LOGIN_WAIT = env_int("FOOTFALL_LOGIN_WAIT", 300)
# Wrong passwords of one address for all names: an office in which four people have forgotten theirs.
FOOTFALL_LOGIN_TRIES_PER_ADDRESS = env_int("FOOTFALL_LOGIN_TRIES_PER_ADDRESS", 32)
# Wrong passwords for one name in a day, from wherever, until strangers must wait for their try: first as
# above, longer with each further one, and never longer than an hour.
FOOTFALL_LOGIN_TRIES_PER_NAME = env_int("FOOTFALL_LOGIN_TRIES_PER_NAME", 100)
FOOTFALL_LOGIN_LONGEST_WAIT = env_int("FOOTFALL_LOGIN_LONGEST_WAIT", 3600)
# Edges ask it whether a header holds a token: tokens are the read side's, whose models they start without.
FOOTFALL_INSPECTORS = "analytics.access.token_check.holds_token"
# Background work beside that of the write side, which names no table of ours.
FOOTFALL_JOBS = "analytics.upkeep.jobs.JOBS"
# Days for which is kept who changed what in the admin.
FOOTFALL_ADMIN_LOG_DAYS = env_int("FOOTFALL_ADMIN_LOG_DAYS", 365)
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

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
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = False
SERVESTATIC_MAX_AGE = 60

# Proxies whose X-Forwarded-For is believed (addresses or networks); everyone else is taken by their socket.
FOOTFALL_TRUSTED_PROXIES = env_list("FOOTFALL_TRUSTED_PROXIES")
# An operator's own country database (.mmdb); without one the registries' lists of iptocc serve.
FOOTFALL_GEO = os.environ.get("FOOTFALL_GEO", "")
# Page views and events that wait for Postgres: at about 1.5 KB each, 50,000 are 75 MB and, at
# 1,000 a second, 50 s of outage. Beyond that nothing more is acknowledged.
FOOTFALL_BUFFER = env_int("FOOTFALL_BUFFER", 50_000)
# Where batches wait, fsynced, while Postgres is away for longer than a second.
FOOTFALL_SPOOL = Path(os.environ.get("FOOTFALL_SPOOL") or FOOTFALL_DATA.path / "spool")
# At about 500 bytes an entry, 1 GiB holds 2 million: half an hour of outage at 1,000 a second.
FOOTFALL_SPOOL_BYTES = env_int("FOOTFALL_SPOOL_BYTES", 2**30)
# Messages one page may send: a burst, and a rate it may keep up. A real page sends one in ten seconds.
FOOTFALL_MESSAGE_BURST = env_int("FOOTFALL_MESSAGE_BURST", 100)
FOOTFALL_MESSAGE_RATE = env_int("FOOTFALL_MESSAGE_RATE", 20)
# Over how long an edge that is told to stop sends its pages elsewhere. They are back within half a second,
# and counted within another quarter: an edge that holds all pages makes a dip of 5 % over 10 s, 3 % over 18.
FOOTFALL_DRAIN_SECONDS = env_int("FOOTFALL_DRAIN_SECONDS", 18)
# Seconds without a sign of life after which a process is ended, and started again; 0: never. Processes give
# one a second, and the longest that any was seen to hold its loop is below one.
FOOTFALL_WATCHDOG = env_int("FOOTFALL_WATCHDOG", 10, least=0)
# Sockets one process holds; it takes no more than its files allow either. At 20 to 70 KB a socket, 50,000
# are up to 3.5 GB.
FOOTFALL_SOCKETS = env_int("FOOTFALL_SOCKETS", 50_000)
# Sockets of one address (an IPv6 /64 is one): a school is one address.
FOOTFALL_SOCKETS_PER_ADDRESS = env_int("FOOTFALL_SOCKETS_PER_ADDRESS", 2000)
# Messages and handshakes of one address: all of a school's pages at once, twice; then twice what 2,000 pages
# say. At 30 µs each, 400 a second are one percent of a core.
FOOTFALL_ADDRESS_BURST = env_int("FOOTFALL_ADDRESS_BURST", 4000)
FOOTFALL_ADDRESS_RATE = env_int("FOOTFALL_ADDRESS_RATE", 400)
# Distinct names that a live list holds; the rest is counted as "(other)".
FOOTFALL_NAMES = env_int("FOOTFALL_NAMES", 10_000)
# Days that page views, visits, events and minutes are kept once their week is over; 0, unless it is set: for
# ever. A page view is open for a day, and its id is looked for during two.
FOOTFALL_KEEP_DAYS = env_int("FOOTFALL_KEEP_DAYS", 0, least=3)

# The log, on standard error: text for people, or a JSON object in each line for programs.
FOOTFALL_LOG = os.environ.get("FOOTFALL_LOG") or "text"
FORMATTERS = {"text": "tracker.logs.lines.TextLines", "json": "tracker.logs.lines.JsonLines"}
if FOOTFALL_LOG not in FORMATTERS:
    raise ImproperlyConfigured(f"FOOTFALL_LOG must be text or json, not {FOOTFALL_LOG!r}.")
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
