"""Every setting of the environment; docs/operations.md says more of each.

What is here is read by `analytics.settings`, checked whole before anything starts, and kept by backups.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from analytics.configuration import kinds, secret_key, server_urls
from analytics.configuration.setting import InBackups, Setting

MOST_DAYS = 36_500  # a hundred years: before that, Postgres' own times end nowhere
MOST_SECONDS = 10_000_000
MOST = 1_000_000_000

SECRET_KEY = Setting[str | None](
    "SECRET_KEY", secret_key.secret_key, None, "what signs sessions", InBackups.SECRET
)
SECRET_KEY_FALLBACKS = Setting[list[str]](
    "SECRET_KEY_FALLBACKS",
    kinds.many(secret_key.secret_key),
    [],
    "secret keys of before, whose sessions and second factors go on",
    InBackups.SECRET,
)
DATABASE_URL = Setting[str | None](
    "DATABASE_URL", server_urls.postgres_url, None, "the address of a Postgres of your own", InBackups.SECRET
)
REDIS_URL = Setting[str | None](
    "REDIS_URL",
    server_urls.redis_url,
    None,
    "the address of a Redis or Valkey between several processes",
    InBackups.SECRET,
)
EMAIL_URL = Setting[str | None](
    "EMAIL_URL", server_urls.email_url, None, "the mail server that takes invitations", InBackups.SECRET
)
MAIL_FROM = Setting("FOOTFALL_MAIL_FROM", kinds.mail_address, "", "the address from which invitations come")
DATA = Setting[Path | None]("FOOTFALL_DATA", kinds.folder, None, "the data folder", InBackups.OWN)
DEMO_SECRET = Setting(
    "FOOTFALL_DEMO_SECRET", kinds.text, "", "what lets made-up visitors say their address", InBackups.OWN
)

USER = Setting(
    "FOOTFALL_USER", kinds.text, "", "the account that root becomes to run Footfall", InBackups.OWN
)
# All was chosen for it then: it reads no `.env`, which may be for the operator's eyes only.
CHILD = Setting("FOOTFALL_CHILD", kinds.text, "", "which process of `up` this one is", InBackups.OWN)

ALLOWED_HOSTS = Setting(
    "ALLOWED_HOSTS",
    kinds.many(kinds.host),
    ["localhost", "127.0.0.1", "[::1]"],
    "the host names under which staff reach Footfall",
)
URL = Setting[str | None](
    "FOOTFALL_URL", kinds.origin, None, "the address under which browsers reach Footfall"
)
# Set when staff reach Footfall over HTTPS, so that their cookies never travel in the clear.
HTTPS = Setting("FOOTFALL_HTTPS", kinds.switch, False, "whether staff come over HTTPS")
TRUSTED_ORIGINS = Setting[list[str]](
    "FOOTFALL_TRUSTED_ORIGINS",
    kinds.many(kinds.pattern_of_origins),
    [],
    "more origins whose forms and boards are ours",
)
# Proxies whose X-Forwarded-For is believed; everyone else is taken by their socket.
TRUSTED_PROXIES = Setting[list[str]](
    "FOOTFALL_TRUSTED_PROXIES", kinds.many(kinds.network), [], "the proxies whose X-Forwarded-For is believed"
)
# Without one the registries' lists of iptocc serve.
GEO = Setting("FOOTFALL_GEO", kinds.country_database, "", "a country database of your own")
LOG = Setting("FOOTFALL_LOG", kinds.one_of("text", "json"), "text", "how the log is written")

# One password hashed at once is three people a second who log in; all other processors are for the others.
HASHING_THREADS = Setting(
    "FOOTFALL_HASHING_THREADS", kinds.count(1, 256), 1, "how many passwords are hashed at once"
)
# Those who log in at once and wait for their turn; the last of them waits for 5 s where nobody else works.
LOGIN_ROOM = Setting("FOOTFALL_LOGIN_ROOM", kinds.count(1, 100_000), 16, "how many people log in at once")
# Wrong passwords for one name from one address, and the seconds to wait after them: who tries all that they
# have needs fewer, and who guesses gets 2,300 a day.
LOGIN_TRIES = Setting(
    "FOOTFALL_LOGIN_TRIES", kinds.count(1, MOST), 8, "wrong passwords for one name from one address"
)
LOGIN_WAIT = Setting("FOOTFALL_LOGIN_WAIT", kinds.seconds(1, MOST_SECONDS), 300, "seconds to wait after them")
# An office in which four people have forgotten theirs.
LOGIN_TRIES_PER_ADDRESS = Setting(
    "FOOTFALL_LOGIN_TRIES_PER_ADDRESS",
    kinds.count(1, MOST),
    32,
    "wrong passwords of one address, for all names",
)
# From wherever, until strangers must wait for their try: first as above, longer with each further one, and
# never longer than an hour.
LOGIN_TRIES_PER_NAME = Setting(
    "FOOTFALL_LOGIN_TRIES_PER_NAME", kinds.count(1, MOST), 100, "wrong passwords for one name in a day"
)
LOGIN_LONGEST_WAIT = Setting(
    "FOOTFALL_LOGIN_LONGEST_WAIT", kinds.seconds(1, MOST_SECONDS), 3600, "the longest wait of a stranger"
)
# Browsers keep no cookie for longer than 400.
SESSION_DAYS = Setting(
    "FOOTFALL_SESSION_DAYS", kinds.days(1, 400), 14, "days without use after which staff log in anew"
)
ADMIN_LOG_DAYS = Setting(
    "FOOTFALL_ADMIN_LOG_DAYS",
    kinds.days(1, MOST_DAYS),
    365,
    "days for which the admin keeps who changed what",
)

# At about 1.5 KB each, 50,000 are 75 MB and, at 1,000 a second, 50 s of outage. Beyond that nothing more is
# acknowledged.
BUFFER = Setting(
    "FOOTFALL_BUFFER", kinds.count(1, MOST), 50_000, "page views and events that wait for Postgres in memory"
)
SPOOL = Setting[Path | None](
    "FOOTFALL_SPOOL", kinds.folder, None, "the folder where page views wait while Postgres is away"
)
# At about 500 bytes an entry, 1 GiB holds 2 million: half an hour of outage at 1,000 a second.
SPOOL_BYTES = Setting(
    "FOOTFALL_SPOOL_BYTES", kinds.size(1, 2**60), 2**30, "bytes that one process may keep there"
)
# A real page sends one message in ten seconds.
MESSAGE_BURST = Setting(
    "FOOTFALL_MESSAGE_BURST", kinds.count(1, MOST), 100, "messages that one page may send at once"
)
MESSAGE_RATE = Setting(
    "FOOTFALL_MESSAGE_RATE", kinds.count(1, MOST), 20, "messages a second that one page may keep up"
)
# They are back within half a second, and counted within another quarter: an edge that holds all pages makes a
# dip of 5 % over 10 s, 3 % over 18.
DRAIN_SECONDS = Setting(
    "FOOTFALL_DRAIN_SECONDS",
    kinds.seconds(1, 86_400),
    18,
    "seconds over which an edge sends its pages elsewhere",
)
# Processes give a sign a second, and the longest that any was seen to hold its loop is below one.
WATCHDOG = Setting(
    "FOOTFALL_WATCHDOG",
    kinds.seconds(0, 86_400),
    10,
    "seconds without a sign of life until a process is started again; 0 is never",
)
# At 20 to 70 KB a socket, 50,000 are up to 3.5 GB.
SOCKETS = Setting("FOOTFALL_SOCKETS", kinds.count(1, MOST), 50_000, "sockets that one process holds")
# An IPv6 /64 is one address, and a school is one.
SOCKETS_PER_ADDRESS = Setting(
    "FOOTFALL_SOCKETS_PER_ADDRESS", kinds.count(1, MOST), 2000, "sockets of one address in one process"
)
# All of a school's pages at once, twice; then twice what 2,000 pages say. At 30 µs each, 400 a second are one
# percent of a core.
ADDRESS_BURST = Setting(
    "FOOTFALL_ADDRESS_BURST",
    kinds.count(1, MOST),
    4000,
    "messages that all pages of one address may send at once",
)
ADDRESS_RATE = Setting(
    "FOOTFALL_ADDRESS_RATE",
    kinds.count(1, MOST),
    400,
    "messages a second that all pages of one address may keep up",
)
# A page of reports asks some twenty times when it is opened, and a dozen times a minute.
API_RATE = Setting(
    "FOOTFALL_API_RATE",
    kinds.count(0, MOST),
    1200,
    "requests that a token or user may send the API in a minute; 0 is any number",
)
# Each with a connection to Postgres, which has a hundred for all; more are no faster in one interpreter.
REQUESTS = Setting(
    "FOOTFALL_REQUESTS", kinds.count(1, 10_000), 32, "requests that one web process answers at once"
)
NAMES = Setting("FOOTFALL_NAMES", kinds.count(1, MOST), 10_000, "distinct names in a live list")
# A page view is open for a day, and its id is looked for during two.
RAW_DAYS = Setting(
    "FOOTFALL_RAW_DAYS",
    kinds.nothing_or(kinds.days(3, MOST_DAYS)),
    0,
    "days that page views are kept once their week is over; 0 is for ever",
)
# A million page views of a month are 25 MB.
HISTORY = Setting[Path | None](
    "FOOTFALL_HISTORY",
    kinds.folder,
    None,
    "the folder where files of past days lie that questions are asked of",
)
HISTORY_BYTES = Setting(
    "FOOTFALL_HISTORY_BYTES", kinds.size(2**20, 2**60), 2**31, "bytes that are kept in that folder"
)
# Beyond it DuckDB goes on with files: a day of 110,000 page views takes 150 MB.
SEALING_MEMORY = Setting(
    "FOOTFALL_SEALING_MEMORY", kinds.size(2**26, 2**40), 192 * 2**20, "bytes of memory for sealing a day"
)
QUESTIONS_MEMORY = Setting(
    "FOOTFALL_QUESTIONS_MEMORY",
    kinds.size(2**27, 2**40),
    2**29,
    "bytes of memory for questions about the past",
)
# Whoever erased by mistake sees it the next morning.
ERASE_WAIT = Setting(
    "FOOTFALL_ERASE_WAIT",
    kinds.seconds(0, 90 * 86_400),
    86_400,
    "seconds for which what is to be erased can still be kept",
)

# Where statsd's clients send by themselves.
SIGNALS = Setting[str](
    "FOOTFALL_SIGNALS",
    kinds.place_or_off,
    "127.0.0.1:8125",
    "where `scripts/run` takes servers' datapoints; off takes none",
)
SIGNALS_HOST = Setting(
    "FOOTFALL_SIGNALS_HOST", kinds.switch, True, "whether `scripts/run` takes datapoints of this machine, too"
)
SIGNALS_SOCKET = Setting[Path | None](
    "FOOTFALL_SIGNALS_SOCKET",
    kinds.path,
    None,
    "the unix socket of the process that gathers datapoints",
    InBackups.OWN,
)
# Whoever lists processes sees their command lines, and a broker's address may have a password in it.
BROKER = Setting[str](
    "FOOTFALL_BROKER",
    kinds.text,
    "",
    "the broker of `manage.py consume`, if not said",
    InBackups.SECRET,
)
# Two batches are held at once: while one is being stored, the next is taken.
CONSUME_BYTES = Setting(
    "FOOTFALL_CONSUME_BYTES",
    kinds.size(2**20, 2**40),
    2**26,
    "bytes of messages that `manage.py consume` stores together",
)
# A browser keeps no more than six to one host, and a program needs one for all that it shows.
STREAMS = Setting("FOOTFALL_STREAMS", kinds.count(1, MOST), 10, "streams of one reader in one process")
# Off: whoever may read figures of processes, with a token for one site, would read the names of all.
METRICS_SITES = Setting(
    "FOOTFALL_METRICS_SITES", kinds.switch, False, "whether /metrics has gauges of who is on each site"
)
# At 150 bytes a window, 10,000 series are 3 GB of six hours, 17 GB of eight days, 86 GB of thirteen months.
SIGNAL_HOURS = Setting(
    "FOOTFALL_SIGNAL_HOURS", kinds.count(1, 24 * 366), 6, "hours that datapoints are kept by 10 s"
)
SIGNAL_DAYS = Setting(
    "FOOTFALL_SIGNAL_DAYS", kinds.days(1, MOST_DAYS), 8, "days that datapoints are kept by the minute"
)
SIGNAL_MONTHS = Setting(
    "FOOTFALL_SIGNAL_MONTHS", kinds.count(1, 1200), 13, "months that datapoints are kept by ten minutes"
)

# As salts of days: later nobody can tell whose visits those of a log were.
LOG_SALT_HOURS = Setting(
    "FOOTFALL_LOG_SALT_HOURS",
    kinds.count(0, 48),
    48,
    "hours that salts are kept by which old access logs tell visitors",
)

ALL: tuple[Setting[object], ...] = tuple(
    each for each in list(globals().values()) if isinstance(each, Setting)
)
NAMED = {each.name: each for each in ALL}


def check(environment: Mapping[str, str] = os.environ) -> None:
    """Read every setting. Raises ImproperlyConfigured with a line for each that cannot be read."""
    problems = []
    for each in ALL:
        try:
            each.value(environment)
        except ImproperlyConfigured as problem:
            problems.append(str(problem))
    if problems:
        raise ImproperlyConfigured("\n".join(problems))
