"""Looks at what serves: whether Footfall says that it is ready, and whether nginx has its limits."""

import re
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from analytics.doctor.findings import Findings

PATIENCE_SECONDS = 5.0
NGINX = Path("/etc/nginx")
# Debian's: with two connections for each page it is used up at 380 pages.
FEW_CONNECTIONS = 1024
CONNECTIONS = re.compile(
    r"^\s*worker_connections\s+([0-9]+)\s*;|\{\s*worker_connections\s+([0-9]+)\s*;", re.M
)


def look(findings: Findings, nginx: Path = NGINX) -> None:
    """Look at the instance of the data folder, if one runs, and at nginx' files, if it serves Footfall."""
    _ready(findings)
    _nginx(findings, nginx)


def _ready(findings: Findings) -> None:
    data = settings.FOOTFALL_DATA
    url = data.url()
    # `up` takes the database's address away when it ends in order.
    if url is None or data.database_url() is None:
        findings.notes.append("No manage.py up runs on this data folder; what else runs was not asked.")
        return
    try:
        status, lines = _asked(urlsplit(url).netloc)
    except (OSError, HTTPException):
        findings.problems.append(
            f"Footfall does not answer at {url}: it hangs or was killed; start it again with scripts/run."
        )
        return
    if status == 200:
        findings.problems += [f"Footfall asks for a look: {line}" for line in lines[1:]]
    elif status == 503 and lines:
        findings.problems.append(f"Footfall is not ready: {lines[0]}")
    else:
        # A host name that its settings do not have, or somebody else at its port: nothing that is certain.
        findings.notes.append(f"{url}/readyz answers {status}, and so says nothing.")


def _asked(place: str) -> tuple[int, list[str]]:
    """The status and the lines of /readyz, asked without any proxy. Raises OSError and HTTPException."""
    connection = HTTPConnection(place, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace").splitlines()
    finally:
        connection.close()


def _nginx(findings: Findings, folder: Path) -> None:
    site, main = folder / "conf.d" / "footfall.conf", folder / "nginx.conf"
    try:
        ours, around = site.read_text(), main.read_text()
    except OSError:
        findings.notes.append(f"There is no {site} to look at.")
        return
    if not re.search(r"^\s*limit_req\s", ours, re.M):
        findings.problems.append(f"{site} has no limit_req: take that of deploy/nginx/footfall.conf.")
    found = CONNECTIONS.search(around)
    if found and int(found[1] or found[2]) < FEW_CONNECTIONS:
        findings.problems.append(
            f"{main} has few worker_connections ({found[1] or found[2]}), two for each page: raise them as"
            " docs/operations.md says."
        )
