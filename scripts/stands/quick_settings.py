"""The product's settings where passwords are not the matter: hashing one takes 0.3 s of CPU otherwise, and
refusals are held back for seconds."""

from analytics.settings import *  # noqa: F403 - all of them, but for what follows
from analytics.settings import DATABASES

# A database for tests of what reads and writes it: a copy of the one with tables.
DATABASES["default"]["TEST"] = {"TEMPLATE": DATABASES["default"]["NAME"]}
PASSWORD_HASHERS = ["scripts.stands.quick_hasher.QuickHasher"]
LOGIN_HOLD = 0.05
