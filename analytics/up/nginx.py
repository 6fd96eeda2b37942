"""The nginx of `--edges`: Debian's, with `deploy/nginx/footfall-edges.conf` fitted to this run."""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics.up.address import Address
from analytics.up.child import Child
from analytics.up.errors import CannotStart
from analytics.up.options import ROOT

SOURCE = ROOT / "deploy" / "nginx" / "footfall-edges.conf"
# Debian keeps it where ordinary accounts do not look.
PLACES = "/usr/sbin:/usr/local/sbin"
EDGE_LINE = re.compile(r"    server unix:/run/footfall/edge-(\d+)\.(ws|post) .*;")

# What stands around the site's file on a server. In front of it there may be another proxy, which
# FOOTFALL_TRUSTED_PROXIES then names. Health and metrics are for programs on this machine that come
# straight: only their requests are passed on without a word of a proxy.
AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {log} emerg;
worker_processes auto;
worker_rlimit_nofile {files};
worker_shutdown_timeout 5s;
events {{ worker_connections {connections}; }}
http {{
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
{trusted}
    map $uri $footfall_inspected {{
        default 0;
        /healthz 1;
        /readyz 1;
        /metrics 1;
    }}
    map "$http_x_forwarded_for$http_x_forwarded_host$http_forwarded$http_via$http_x_real_ip" $footfall_via {{
        default 1;
        "" 0;
    }}
    map "$footfall_inspected $footfall_via $remote_addr" $footfall_from {{
        default $remote_addr;
        "1 0 127.0.0.1" "";
        "1 0 ::ffff:127.0.0.1" "";
        "1 0 ::1" "";
    }}
    include {folder}/footfall.conf;
}}
"""


def program() -> str:
    """Where nginx is. Raises CannotStart with how to get it."""
    path = shutil.which("nginx", path=":".join([*os.get_exec_path(), PLACES]))
    if path is None:
        raise CannotStart(
            "--edges needs nginx in front: install it (on Debian: apt-get install nginx-light)."
        )
    return path


@dataclass(frozen=True)
class Nginx:
    """One nginx on `address`, before `edges` edges and one web process that listen in `folder`."""

    folder: Path
    log: Path
    address: Address
    listener: int  # the file of a socket that is bound to it
    edges: int
    files: int  # how many it may open
    trusted: Sequence[str]  # proxies in front of it, as FOOTFALL_TRUSTED_PROXIES names them
    demo: bool  # whether made-up visitors come through it

    def child(self) -> Child:
        """Write its configuration; the program that reads it."""
        (self.folder / "footfall.conf").write_text(self.site())
        main = self.folder / "nginx.conf"
        main.write_text(self.around())
        command = [program(), "-c", str(main), "-e", str(self.log)]
        # As from another nginx, which it takes the place of: its own way to be given what it listens on.
        environment = {"PATH": "/usr/bin:/bin", "NGINX": f"{self.listener};"}
        return Child("nginx", command, environment, log=self.log, files=[self.listener])

    def around(self) -> str:
        """The main configuration, around the site's."""
        trusted = [f"    set_real_ip_from {network};" for network in self.trusted]
        if trusted:
            trusted += ["    real_ip_header X-Forwarded-For;", "    real_ip_recursive on;"]
        return AROUND.format(
            folder=self.folder,
            log=_quoted(self.log),
            files=self.files,
            connections=self.files - 100,
            trusted="\n".join(trusted),
        )

    def site(self) -> str:
        """The site's file, with this run's places for those of a server."""
        text = "\n".join(line for each in SOURCE.read_text().splitlines() for line in self._lines(each))
        for installed, ours in {
            "listen 80;": f"listen {self.address.place} backlog=2048;",
            "listen [::]:80;": "",
            "access_log /var/log/nginx/footfall.access.log footfall;": "access_log off;",
            "/var/log/nginx/footfall.error.log": _quoted(self.log),
            "X-Forwarded-For $remote_addr;": "X-Forwarded-For $footfall_from;",
            # Only the proxy in front knows, and says so itself.
            "proxy_set_header X-Forwarded-Proto $scheme;": "",
            **({'proxy_set_header X-Footfall-Demo "";': ""} if self.demo else {}),
            **({'proxy_set_header X-Footfall-Demo-Address "";': ""} if self.demo else {}),
        }.items():
            if text.count(installed) != 1:
                raise CannotStart(f"{SOURCE} does not hold this line once: {installed}")
            text = text.replace(installed, ours)
        return text.replace("/run/footfall/", f"{self.folder}/") + "\n"

    def _lines(self, line: str) -> list[str]:
        """A line of the source; the first edge's stands for all edges."""
        edge = EDGE_LINE.fullmatch(line)
        if edge is None:
            return [line]
        numbers = range(1, self.edges + 1) if edge[1] == "1" else ()
        return [line.replace("edge-1.", f"edge-{number}.") for number in numbers]


def _quoted(path: Path) -> str:
    """A path as nginx reads it, whatever is in it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
