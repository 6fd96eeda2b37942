"""What the reader of an open page does: one of three words, said by pages and counted live."""

from enum import StrEnum


class Attention(StrEnum):
    """What a tab's reader does: looks and acts, only looks, or has the tab out of sight."""

    ACTIVE = "active"
    IDLE = "idle"
    HIDDEN = "hidden"
