"""`POST /sites/KEY/imports/`: another product's export, uploaded by an owner.

It is read by a process of its own, so that nobody who is counted waits for it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from analytics.access.rights import is_staff, owned_sites, site_for
from analytics.models import ImportedFile
from analytics.sites.section import SectionAnswer, note
from analytics.sites.site_settings import whole

# A year of a large site, packed; what is larger goes by manage.py importhistory.
MOST_BYTES = 100 * 2**20
SECONDS = 300
LONGEST_NAME = 200


@never_cache
@login_required
@require_POST
def upload(request: HttpRequest, key: str) -> HttpResponse:
    """Take a file in, or say what it holds (`dry`)."""
    user = request.user
    site = site_for(user, key)
    if site is None:
        raise Http404("There is no such site, or you may not see it.")
    if not is_staff(user) or not owned_sites(user).filter(pk=site.pk).exists():
        raise PermissionDenied("Only an owner of the site may change it.")
    file, product = request.FILES.get("file"), request.POST.get("product", "")
    if not isinstance(file, UploadedFile) or product not in ImportedFile.CountedBy.values:
        return whole(request, site, "history", _wrong("Choose a file, and whose it is."))
    if (file.size or 0) > MOST_BYTES:
        return whole(
            request, site, "history", _wrong("A file has 100 MB at most here: manage.py importhistory.")
        )
    dry = request.POST.get("dry") == "on"
    said = _read(site.key, product, file, dry)
    if not said.saved or dry:
        return whole(request, site, "history", said)
    ImportedFile.objects.filter(site=site).order_by("-pk")[:1].get()
    note(user, site, f"Imported a file of {product}.")
    return whole(request, site, "history", said)


def _wrong(problem: str) -> SectionAnswer:
    return SectionAnswer(shown={"problem": problem})


def _short(name: str) -> str:
    """A name that a file may have: of so many bytes, not letters."""
    short = name.replace("\0", "").encode(errors="replace")[-LONGEST_NAME:]
    return short.decode(errors="ignore") or "upload"


def _read(key: str, product: str, file: Any, dry: bool) -> SectionAnswer:
    """Run the command on it; its last words."""
    with tempfile.TemporaryDirectory(prefix="footfall-import-") as folder:
        path = Path(folder) / _short(Path(file.name or "").name)
        with path.open("wb") as into:
            for block in file.chunks():
                into.write(block)
        command = [
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            "importhistory",
            key,
            product,
            str(path),
        ]
        try:
            ended = subprocess.run(
                [*command, *(["--dry-run"] if dry else [])],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return _wrong("It takes too long here: manage.py importhistory takes it, too.")
    words = (ended.stderr if ended.returncode else ended.stdout).strip().splitlines() or ["It was not taken."]
    if ended.returncode:
        return _wrong(words[-1].removeprefix("CommandError: "))
    return SectionAnswer(words[0] if dry else words[-1].partition(" Take it back")[0])
