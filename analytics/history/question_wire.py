"""What a web process and the one that answers questions say to each other, each in a line of JSON. Pure."""

import msgspec

from analytics.history.impact import Impact, ImpactQuestion
from analytics.history.question import HistoryAnswer, HistoryQuestion
from analytics.history.site_totals import SiteTotals, SiteTotalsQuestion
from analytics.history.stay import StayAnswer, StayQuestion
from analytics.history.visit_list import ListAnswer, ListQuestion

AnyQuestion = HistoryQuestion | ListQuestion | ImpactQuestion | StayQuestion | SiteTotalsQuestion
AnyAnswer = HistoryAnswer | ListAnswer | Impact | StayAnswer | SiteTotals


class Request(msgspec.Struct, omit_defaults=True):
    """A question, or the number of one that nobody waits for any more."""

    number: int
    question: AnyQuestion | None = None


class Wrong(msgspec.Struct):
    """Why a question cannot be asked."""

    field: str
    message: str
    allowed: tuple[str, ...]


class Reply(msgspec.Struct, omit_defaults=True):
    """What became of a question: one of these."""

    number: int
    answer: AnyAnswer | None = None
    wrong: Wrong | None = None
    too_much: bool = False
    away: bool = False  # Postgres
    failed: bool = False
