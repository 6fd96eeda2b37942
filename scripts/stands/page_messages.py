"""What a page of example.com says when it begins, as the snippet would."""

import uuid
from typing import Any


def page(path: str = "/", page_id: uuid.UUID | None = None, **more: Any) -> dict[str, Any]:
    """A `page` message; `more` adds to it or says it differently."""
    said = {
        "t": "page",
        "id": str(page_id or uuid.uuid4()),
        "u": f"https://example.com{path}",
        "r": "",
        "ti": "A",
    }
    return {**said, "w": 1200, "l": "en", "z": "Europe/Berlin", **more}
