"""Tables whose rows no backup holds, and that are empty after a restore: Footfall fills them by itself."""

from typing import Final

LEFT_OUT: Final = {
    # Whoever had salts, page views and an address could tell that somebody was here: salts are deleted after
    # 48 hours so that nobody can, and a backup is kept for years.
    "tracker_salt": "visitors could be known again",
    "analytics_log_salt": "visitors could be known again",
    # A session's key is what the browser's cookie says: it lets in whoever reads it.
    "django_session": "whoever reads them is logged in",
    # Wrong passwords of the last minutes, under a hash of name and address.
    "analytics_login_tries": "they are about the last minutes only",
    "analytics_personal_link": "what was revoked since would let somebody in",
    "analytics_personal_link_sites": "they belong to links",
}
