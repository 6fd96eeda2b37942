"""The web process, put together: all that holds state is made here, once, and handed to who needs it."""

from django.conf import settings

from analytics.access.board_readers import BoardReaders
from analytics.access.hashing import HashingThreads, hash_in
from analytics.access.login_door import LoginDoor
from analytics.access.request_door import RequestDoor
from analytics.api.rate_limits import RateLimits
from analytics.board.day import DayCurves
from analytics.board.polling import PolledBoards
from analytics.board.socket import OpenBoards
from analytics.board.ticker import MakeSharing, Ticker
from analytics.exporting.export_process import Exports
from analytics.history.questions import Questions
from analytics.live import stored_stream
from analytics.live.last_hour import SitesHour
from analytics.live.one_process import OneProcess
from analytics.live.sites_today import SitesToday
from analytics.live.snapshot import Snapshots
from analytics.live.state import LiveState
from analytics.live.system import System
from analytics.queries.shared_answers import SharedAnswers
from analytics.servers.hub import SignalHub
from analytics.servers.log_hub import LogHub
from analytics.servers.site_news import SiteNews
from analytics.streams.flag_feed import FlagWatch
from analytics.streams.open_streams import OpenStreams
from tracker.edge.process_edge import ProcessEdge
from tracker.edge.server_reports import ServerReports
from tracker.liveness.activity import Activities
from tracker.visitors import addresses


class WebProcess:
    """What one web process holds: its visitors' edge, the live state, and what its boards and pages share."""

    def __init__(self, redis_url: str | None) -> None:
        """`redis_url`: where several processes count as one; None where this one counts alone."""
        self.activities = Activities()
        self.edge = ProcessEdge(self.activities)
        self.live, sharing = _live_state(redis_url, self.edge, self.activities)
        self.snapshots = Snapshots(self.live.clock)
        self.site_news = SiteNews(
            settings.FOOTFALL_SIGNALS_SOCKET, self.activities, stored_stream.logged, self.live.happened
        )
        self.ticker = Ticker(self.live, self.snapshots, self.activities, sharing, self.site_news)
        self.system = System(self.edge, self.live)
        self.readers = BoardReaders()
        self.login_door = _login_door()
        self.request_door = RequestDoor(
            settings.FOOTFALL_REQUESTS,
            settings.REQUEST_PATIENCE,
            addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES),
        )
        self.boards = OpenBoards(self.activities)
        self.polled = PolledBoards(self.boards, self.ticker, self.readers, self.system)
        self.sites_hour = SitesHour()
        self.sites_today = SitesToday()
        self.answers = SharedAnswers()
        self.curves = DayCurves()
        self.questions = Questions()
        self.reports = ServerReports()
        self.streams = OpenStreams(self.activities, settings.FOOTFALL_STREAMS)
        self.signals = SignalHub(settings.FOOTFALL_SIGNALS_SOCKET, self.activities)
        self.logs = LogHub(settings.FOOTFALL_SIGNALS_SOCKET, self.activities)
        self.flags = FlagWatch(self.streams.ask, self.activities)
        self.rates = _rate_limits(redis_url)
        self.exports = Exports()


def _login_door() -> LoginDoor:
    # Whatever else hashes a password, a change of it for one, comes to the same threads without this door.
    hash_in(HashingThreads(settings.FOOTFALL_HASHING_THREADS, settings.FOOTFALL_LOGIN_ROOM))
    return LoginDoor(
        room=settings.FOOTFALL_LOGIN_ROOM,
        turns=settings.FOOTFALL_HASHING_THREADS,
        patience=settings.LOGIN_PATIENCE,
        hold=settings.LOGIN_HOLD,
        proxies=addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES),
    )


def _rate_limits(redis_url: str | None) -> RateLimits:
    if not redis_url:
        return RateLimits(settings.FOOTFALL_API_RATE)
    # Here, as below.
    from analytics.api.redis_counts import RedisCounts

    return RateLimits(settings.FOOTFALL_API_RATE, shared=RedisCounts(redis_url))


def _live_state(
    redis_url: str | None, edge: ProcessEdge, activities: Activities
) -> tuple[LiveState, MakeSharing | None]:
    """The live state, and the way to the boards of other processes, where there are some."""
    if not redis_url:
        return OneProcess(edge), None
    # Here, since redis costs a start that has no use for it: 6 MB, and 60 modules.
    from analytics.board.relay import Relay
    from analytics.live.collector import Collector
    from analytics.live.many_processes import ManyProcesses

    return ManyProcesses(Collector(redis_url, activities), edge), Relay


web = WebProcess(settings.REDIS_URL)
