"""What stands on the reports of a site: tables and figures, by the names that the API has for them. Pure."""

from typing import NamedTuple

from tracker.live.dimensions import TABLE

OF_VIEWS = "views,visitors,engaged_seconds"
OF_VISITS = "visits,bounce_rate,visit_seconds"
OF_VISITORS = "visitors,visits,bounce_rate"
OF_EVENTS = "events,visits,value"
# What people may choose as columns, of page views and visits, and of events.
COLUMNS = (
    *("visitors", "visits", "views", "views_per_visit", "bounce_rate", "engaged_seconds", "visit_seconds"),
    *("open_seconds", "depth", "events", "at_once_peak", "at_once_mean"),
)
# What the chart can draw beside the figures.
DRAWN = (
    *("open_seconds", "open_seconds_median", "engaged_seconds_median", "engaged_seconds_per_visit"),
    *("visit_seconds_median", "single_page_rate", "depth", "events", "value", "at_once_mean"),
)
COLUMNS_OF_EVENTS = ("events", "visitors", "visits", "value")
# Only where a site tells its pages apart by it.
HOST = "host"


class ReportTab(NamedTuple):
    """A tab of a table: a dimension, its title, and the measures that its rows show.

    `rare`: offered where the period has names of it.
    """

    dimension: str
    title: str
    measures: str
    rare: bool = False


class ReportFigure(NamedTuple):
    """A figure, which is a tab of the chart; `meaning` is what it counts, in a sentence.

    `of`: only shown while a `goal` is chosen, or one `page` is looked at, or the whole `site` is.
    """

    measure: str
    title: str
    meaning: str
    of: str = ""


# By the parameter of the address that says which of its tabs is chosen.
TABLES = {
    "pages": (
        ReportTab("page", "Pages", OF_VIEWS),
        ReportTab("entry_page", "Entries", OF_VISITS),
        ReportTab("exit_page", "Exits", OF_VISITS),
        ReportTab("title", "Titles", OF_VIEWS),
        ReportTab(HOST, "Hosts", OF_VIEWS),
    ),
    "sources": (
        ReportTab("referrer", "Sources", OF_VISITORS),
        ReportTab("channel", "Channels", OF_VISITORS),
        ReportTab("utm_campaign", "Campaigns", OF_VISITORS),
        ReportTab("referrer_url", "Links", OF_VISITORS),
        ReportTab("utm_source", "utm source", OF_VISITORS),
        ReportTab("utm_medium", "medium", OF_VISITORS),
        ReportTab("utm_term", "term", OF_VISITORS),
        ReportTab("utm_content", "content", OF_VISITORS),
    ),
    "where": (
        ReportTab("country", "Countries", OF_VISITORS),
        ReportTab("language", "Languages", OF_VISITORS),
        ReportTab("server", "Servers", "views,visitors,visits", rare=True),
    ),
    "with": (
        ReportTab("browser", "Browsers", OF_VISITORS),
        ReportTab("system", "Systems", OF_VISITORS),
        ReportTab("device", "Devices", OF_VISITORS),
        ReportTab("size", "Sizes", OF_VISITORS),
    ),
    "events": (
        ReportTab("event", "Events", OF_EVENTS),
        ReportTab("property", "Properties", "events,visits"),
        ReportTab("currency", "Currencies", "value,events"),
    ),
    "goals": (ReportTab("goal", "Goals", "conversions,conversion_rate,goal_value"),),
}
# Those of the whole site, in whose place others stand while one page is looked at.
OF_SITE = ("pages", "sources", "events")
OF_PAGE = {
    "came": (ReportTab("previous_page", "Came from", OF_VIEWS),),
    "went": (ReportTab("next_page", "Went to", OF_VIEWS),),
    "entered": TABLES["sources"],
    "did": TABLES["events"][:2],
}
FIGURES = (
    ReportFigure("visitors", "Visitors", "Different people on each day, added up over the days."),
    ReportFigure("visits", "Visits", "Page views of one visitor with gaps under 30 minutes, on one day."),
    ReportFigure("views", "Views", "Page views that began."),
    ReportFigure("views_per_visit", "Views / visit", "All page views divided by all visits.", "site"),
    ReportFigure("engaged_seconds", "Engaged / view", "How long a page was in sight and used, on average."),
    ReportFigure("open_seconds", "Open / view", "From opening the page to leaving it, on average.", "page"),
    ReportFigure(
        "visit_seconds", "Visit lasted", "From a visit’s first sign of life to its last, on average.", "site"
    ),
    ReportFigure("depth", "Scrolled", "How far down the page people scrolled at most, on average.", "page"),
    ReportFigure(
        "bounce_rate", "Bounce rate", "Visits of one page, without an event, and less than 10 s engaged."
    ),
    ReportFigure(
        "at_once_peak", "At once, peak", "Most visitors with a page open at the same moment, to the second."
    ),
    ReportFigure("conversions", "Conversions", "Visits that reached the goal, whenever within them.", "goal"),
    ReportFigure(
        "conversion_rate", "Conversion rate", "Visits that reached the goal, of all visits.", "goal"
    ),
)
INTERVALS = ("hour", "day", "week", "month")
# The dimensions that the board can be filtered by, and what it calls them.
LIVE = {{"campaign": "utm_campaign"}.get(each.parameter, each.parameter): each.parameter for each in TABLE}
