"""A host that was refused is allowed, by an owner of the site, where he reads of it."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from analytics.access.rights import is_staff, owned_sites, site_for
from tracker.models import Site
from tracker.sites.hosts import MOST_HOSTS, read_host


@require_POST
def allow(request: HttpRequest, key: str) -> HttpResponse:
    """`POST /sites/KEY/hosts/` with `host`: one more host of the site; answers `{"hosts": […]}`.

    It counts from the next page on, within a second. 403 for who may look and not change.
    """
    site = site_for(request.user, key)
    if site is None or not is_staff(request.user):
        return _problem(404, "There is no such site, or you may not see it.")
    try:
        host = read_host(request.POST.get("host", ""))
    except ValueError as error:
        return _problem(400, str(error))
    with transaction.atomic():
        owned = owned_sites(request.user).filter(pk=site.pk)
        locked = Site.objects.select_for_update().filter(pk__in=owned).first()
        if locked is None:
            return _problem(403, "Only an owner of the site may allow a host.")
        if host not in locked.hosts:
            if len(locked.hosts) >= MOST_HOSTS:
                return _problem(400, f"A site has at most {MOST_HOSTS} hosts.")
            locked.hosts.append(host)
            locked.save(update_fields=["hosts"])
            LogEntry.objects.log_actions(
                request.user.pk,
                Site.objects.filter(pk=locked.pk),
                CHANGE,
                change_message=f"Allowed the host {host}.",
                single_object=True,
            )
    return JsonResponse({"hosts": locked.hosts})


def _problem(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)
