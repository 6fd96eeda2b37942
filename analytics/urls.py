"""Every URL of Footfall; the two sockets stand in `analytics.asgi`."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from analytics.access import login
from analytics.api.base import api
from analytics.board import data, pages
from analytics.health import health, metrics
from tracker.web import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("t.js", views.snippet, name="snippet"),
    path("live/<str:key>", views.live, name="live"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", pages.sites, name="sites"),
    path("login/", login.login, name="login"),
    path("logout/", pages.logout, name="logout"),
    path("sites/live.json", pages.sites_live, name="sites_live"),
    path("sites/<str:key>/", pages.board, name="board"),
    path("sites/<str:key>/curve.json", data.curve, name="curve"),
    path("sites/<str:key>/at.json", data.moment, name="at"),
    path("sites/<str:key>/paths.json", data.steps, name="paths"),
    path("sites/<str:key>/list.json", data.whole_list, name="list"),
    path("sites/<str:key>/reports/", pages.reports, name="reports"),
]
