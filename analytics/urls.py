"""Every URL of Footfall; the two sockets stand in `analytics.asgi`."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from analytics.access import login_view
from analytics.admin import across_page, report_page
from analytics.api.base import make_api
from analytics.api.events import add_events
from analytics.api.export import add_exports
from analytics.api.impact import add_impact
from analytics.api.imported import add_imported
from analytics.api.live import add_live
from analytics.api.refusals import add_refusals
from analytics.api.saved import add_saved
from analytics.api.signals import add_signals
from analytics.api.sites import add_sites
from analytics.api.stats import add_stats
from analytics.api.stays import add_stays
from analytics.api.streams import StreamSources, add_streams
from analytics.api.visits import add_visits
from analytics.board import data, pages, reports_page
from analytics.board.failed import failed
from analytics.health import health, metrics
from analytics.people import account_page, forgotten, people_page, welcome
from analytics.process import web
from analytics.servers import by_server
from analytics.servers import page as servers_page
from analytics.sites import adding, all_sites, import_upload, installing, remedies, site_settings
from tracker.web import views

api = make_api(web.rates)
add_live(api, web.live, web.snapshots)
add_refusals(api, web.live)
add_stats(api, web.questions)
add_stays(api, web.questions)
add_sites(api)
add_saved(api)
add_visits(api, web.questions)
add_impact(api, web.questions)
add_events(api, web.edge, web.reports)
add_signals(api, web.signals, web.logs)
add_streams(api, web.streams, StreamSources(web.ticker, web.signals, web.logs, web.flags))
add_exports(api, web.exports)
add_imported(api)

handler500 = failed

ASK = {"ask": web.questions.ask_all}
ASK_ACROSS = {**ASK, "rank": web.questions.ask_sites}

urlpatterns: list[URLPattern | URLResolver] = [
    path("t.js", views.snippet, name="snippet"),
    path("live/<str:key>", views.live, {"edge": web.edge}, name="live"),
    # Beside the administration's own: what answers questions is this process'.
    path(
        "admin/tracker/site/reports/",
        admin.site.admin_view(across_page.page),
        ASK_ACROSS,
        name="across_report",
    ),
    path(
        "admin/tracker/site/reports.csv",
        admin.site.admin_view(across_page.csv),
        ASK,
        name="across_report_csv",
    ),
    path(
        "admin/tracker/site/<int:pk>/report/",
        admin.site.admin_view(report_page.page),
        ASK,
        name="site_report",
    ),
    path(
        "admin/tracker/site/<int:pk>/report/<slug:table>.csv",
        admin.site.admin_view(report_page.table_csv),
        ASK,
        name="site_report_csv",
    ),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, {"edge": web.edge, "live": web.live}, name="readyz"),
    path("metrics", metrics.metrics, {"edge": web.edge, "live": web.live}, name="metrics"),
    path("", all_sites.page, {"live": web.live}, name="sites"),
    path("login/", login_view.login, name="login"),
    path("forgotten/", forgotten.forgotten, name="forgotten"),
    path("logout/", pages.logout, name="logout"),
    path("people/", people_page.people, name="people"),
    path("people/links/<int:pk>/", people_page.link, name="people_link"),
    path("people/<int:pk>/reset/", people_page.reset, name="people_reset"),
    path("people/<int:pk>/second-factor/", people_page.lost_factor, name="people_factor"),
    path("account/", account_page.account, name="account"),
    path("account/password/", account_page.password, name="account_password"),
    path("account/sessions/", account_page.end_sessions, name="account_sessions"),
    path("account/second-factor/", account_page.factor, name="account_factor"),
    path("welcome/", welcome.welcome, name="welcome"),
    path("servers/", servers_page.servers, name="servers"),
    path("sites/add/", adding.add, name="add_site"),
    path(
        "sites/live.json",
        all_sites.counts,
        {"live": web.live, "hour": web.sites_hour, "today": web.sites_today},
        name="sites_live",
    ),
    path("sites/<str:key>/", pages.board, name="board"),
    path(
        "sites/<str:key>/curve.json", data.curve, {"answers": web.answers, "curves": web.curves}, name="curve"
    ),
    path("sites/<str:key>/at.json", data.moment, {"answers": web.answers}, name="at"),
    path("sites/<str:key>/servers.json", by_server.by_server, {"answers": web.answers}, name="by_server"),
    path("sites/<str:key>/titles.json", data.called, {"answers": web.answers}, name="titles"),
    path("sites/<str:key>/paths.json", data.steps, {"answers": web.answers}, name="paths"),
    path(
        "sites/<str:key>/list.json", data.whole_list, {"answers": web.answers, "live": web.live}, name="list"
    ),
    path("sites/<str:key>/install/", installing.page, name="install"),
    path("sites/<str:key>/install.json", installing.state, {"live": web.live}, name="install_state"),
    path("sites/<str:key>/remedies/<slug:name>/", remedies.mend, name="mend"),
    path("sites/<str:key>/settings/", site_settings.page, name="site_settings"),
    path("sites/<str:key>/imports/", import_upload.upload, name="import_history"),
    path("sites/<str:key>/settings/<slug:name>/", site_settings.change, name="change_setting"),
    path(
        "sites/<str:key>/reports/",
        reports_page.reports,
        {"expect": web.questions.expect},
        name="reports",
    ),
    path(
        "sites/<str:key>/visits/",
        reports_page.visits,
        {"expect": web.questions.expect},
        name="visits_page",
    ),
]
