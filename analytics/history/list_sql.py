"""A list as SQL over day files; rows are kept by the same conditions as in figures (`question_sql`)."""

from collections.abc import Sequence

from analytics.history import day_tables
from analytics.history.day_files import ATTRIBUTION
from analytics.history.day_tables import files
from analytics.history.dimensions import Level
from analytics.history.duck import literal
from analytics.history.question import level_of
from analytics.history.question_sql import QuestionSql, QuestionStatement
from analytics.history.visit_list import MOST_VIEWS, PATH_PAGES, ListPlace

OWN = (
    *("day", "visit", "visitor", "visit_began", "visit_ended", "visit_views", "visit_events"),
    *("visit_engaged_ms", "entry_page", "exit_page", "width", *ATTRIBUTION),
)


class ListSql(QuestionSql):
    """Statements about visits and events of some days."""

    _dimensions: Sequence[str] = ()

    def visits(self, after: ListPlace | None, limit: int) -> QuestionStatement:
        """Visits, newest first, each once: what they say of themselves, in the order of `OWN`."""
        self._values = {}
        flag = self._flag(())
        where = [self._kept(), *([flag] if flag else []), *self._older(after, "visit_began", "visit")]
        # All columns are the visit's: where no flag marks one row of it, equal ones are one.
        once = "" if flag else "DISTINCT "
        views = f"{self._table(self._paths.views)} r{self._beside(self._paths.views)}"
        return self._made(
            f"SELECT {once}{', '.join(OWN)} FROM {views} WHERE {' AND '.join(where)}"
            f" ORDER BY day DESC, visit_began DESC, visit DESC LIMIT {int(limit)}"
        )

    def one(self, place: ListPlace) -> QuestionStatement:
        """One visit; no filter hides it."""
        self._values = {}
        return self._made(
            f"SELECT DISTINCT {', '.join(OWN)} FROM {files(self._paths.views)}"
            f" WHERE day = {literal(place.day)}::DATE AND visit_began = {int(place.moment)}"
            f" ORDER BY visit = {int(place.number)} DESC, visit LIMIT 1"
        )

    def paths(self, visits: Sequence[tuple[object, ...]]) -> QuestionStatement:
        """Of these visits (day, number): the first pages, and whether one is open."""
        self._values = {}
        return self._made(
            f"SELECT day, visit, list(page ORDER BY view)[:{PATH_PAGES}], bool_or(ended IS NULL)"
            f" FROM {files(self._paths.views)} WHERE {_among(visits)} GROUP BY day, visit"
        )

    def names(self, visits: Sequence[tuple[object, ...]]) -> QuestionStatement:
        """Of these visits: the names of their events, and how many there are of each."""
        self._values = {}
        return self._made(
            f"SELECT day, visit, name, count(*) FROM {files(self._paths.events)} WHERE {_among(visits)}"
            " GROUP BY day, visit, name ORDER BY min(moment)"
        )

    def views_of(self, visit: tuple[object, ...]) -> QuestionStatement:
        """The page views of one visit, in their order."""
        self._values = {}
        views = day_tables.views(self._paths.views)
        return self._made(
            "SELECT view, began, ended, engaged_ms, depth, page, title, query, server"
            f" FROM {views} WHERE {_among([visit])} ORDER BY view LIMIT {MOST_VIEWS}"
        )

    def events_of(self, visit: tuple[object, ...]) -> QuestionStatement:
        """The events of one visit, in their order."""
        self._values = {}
        return self._made(
            f"SELECT view, moment, name, properties, value FROM {files(self._paths.events)}"
            f" WHERE {_among([visit])} ORDER BY moment, event LIMIT {MOST_VIEWS}"
        )

    def events(self, after: ListPlace | None, limit: int) -> QuestionStatement:
        """Events, newest first, with the page view that they are of."""
        self._values = {}
        filters = self._question.filters
        where = [
            *(
                self._condition(each, False)
                for each in filters
                if level_of(each.dimension) is not Level.EVENT
            ),
            # A filter by events keeps these events, not all of the visit.
            *(self._of_event(each) for each in filters if level_of(each.dimension) is Level.EVENT),
            *self._older(after, "moment", "event"),
        ]
        said, once = "day, view, event, moment, name, properties, value", ""
        if any(each.dimension == "property" for each in filters):
            said, once = f"{said}, unnest(json_keys(properties)) AS property", "DISTINCT "
        return self._made(
            f"SELECT {once}day, moment, event, name, properties, value,"
            " visit, visit_began, page, title, country, referrer, device"
            f" FROM (SELECT {said} FROM {files(self._paths.events)}) e"
            f" JOIN {self._table(self._paths.views)} r USING (day, view){self._beside(self._paths.views)}"
            f" WHERE {' AND '.join(where) or 'true'}"
            f" ORDER BY day DESC, moment DESC, event DESC LIMIT {int(limit)}"
        )

    def _older(self, after: ListPlace | None, moment: str, number: str) -> list[str]:
        if after is None:
            return []
        place = f"({literal(after.day)}::DATE, {int(after.moment)}, {int(after.number)})"
        return [f"(day, {moment}, {number}) < {place}"]

    def _made(self, text: str) -> QuestionStatement:
        return QuestionStatement(text, self._values)


def _among(visits: Sequence[tuple[object, ...]]) -> str:
    """Rows of these visits, each its day and number; both are ours."""
    pairs = ", ".join(f"({literal(day)}::DATE, {int(str(number))})" for day, number in visits)
    days = ", ".join(f"{literal(day)}::DATE" for day in {day for day, _ in visits})
    return f"day IN ({days}) AND (day, visit) IN ({pairs})"
