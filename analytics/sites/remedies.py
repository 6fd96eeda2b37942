"""What an owner does about a refusal, with a press, where he reads of it."""

from collections.abc import Callable, Mapping

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from analytics.access.rights import is_staff, owned_sites, site_for
from analytics.sites.section import note
from tracker.models import Site
from tracker.pages.readable_hosts import readable_host
from tracker.sites.hosts import MOST_HOSTS, read_host

LOAD_AGAIN = "Load the page again."


def allow_host(site: Site, host: str) -> str:
    """Allow one more host; raises ValueError with a sentence."""
    name = read_host(host)
    if name not in site.hosts:
        if len(site.hosts) >= MOST_HOSTS:
            raise ValueError(f"A site has at most {MOST_HOSTS} hosts.")
        site.hosts.append(name)
    return f"{readable_host(name)} is allowed now. Load its page again."


def count_addresses(site: Site, rule: str) -> str:
    """Count visitors again whose addresses a rule leaves out."""
    if rule in site.excluded_addresses:
        site.excluded_addresses.remove(rule)
    return f"{rule} is counted now. {LOAD_AGAIN}"


def count_opted_out(site: Site, _: str) -> str:
    """Count those, too, who ask not to be tracked."""
    site.honour_dnt = False
    return f"Visitors who ask not to be tracked are counted now. {LOAD_AGAIN}"


def switch_on(site: Site, _: str) -> str:
    """Count again at all."""
    site.enabled = True
    return f"The site counts again. {LOAD_AGAIN}"


REMEDIES: Mapping[str, Callable[[Site, str], str]] = {
    "hosts": allow_host,
    "addresses": count_addresses,
    "opted-out": count_opted_out,
    "enabled": switch_on,
}
"""What may be done, by its name in the address; each takes what it is about, and returns what is so now."""
# What they change, and no more.
CHANGED = ("hosts", "excluded_addresses", "honour_dnt", "enabled")


@require_POST
def mend(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """`POST /sites/KEY/remedies/NAME/` with `of`; answers `{"said": sentence, "hosts": […]}`.

    It counts from the next page on, within a second. 403 for who may look and not change.
    """
    site = site_for(request.user, key)
    remedy = REMEDIES.get(name)
    if site is None or not is_staff(request.user) or remedy is None:
        return _problem(404, "There is no such site, or you may not see it.")
    with transaction.atomic():
        owned = owned_sites(request.user).filter(pk=site.pk)
        locked = Site.objects.select_for_update().filter(pk__in=owned).first()
        if locked is None:
            return _problem(403, "Only an owner of the site may change it.")
        before = [list(value) if isinstance(value, list) else value for value in _values(locked)]
        try:
            said = remedy(locked, request.POST.get("of", ""))
        except ValueError as error:
            return _problem(400, str(error))
        if _values(locked) != before:
            locked.save(update_fields=CHANGED)
            note(request.user, locked, said.partition(" now")[0] + ".")
    return JsonResponse({"said": said, "hosts": locked.hosts})


def _values(site: Site) -> list[object]:
    return [getattr(site, name) for name in CHANGED]


def _problem(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)
