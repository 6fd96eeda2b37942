"""What page views and visits both say of who came, from where, with what: on their pages and in exports."""

from typing import Any

WHO = ("visitor", "browser", "system", "device", "country", "language", "width")
FROM_WHERE = (
    "referrer",
    "referrer_url",
    "channel",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
)
COLUMNS = (*WHO, *FROM_WHERE)
FIELDSETS: list[tuple[str | None, Any]] = [
    ("Who came", {"fields": WHO}),
    ("From where", {"fields": FROM_WHERE}),
]
