"""Debian's real nginx with `deploy/nginx/footfall.conf`, on a free port and in a folder of its own."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port
from scripts.stands.waiting import wait_for

CONFIGURATIONS = ROOT / "deploy" / "nginx"
ONE_PROCESS = "footfall.conf"
# What stands around it on a server.
AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/main.log warn;
worker_processes 1;
worker_shutdown_timeout 1s;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/footfall.conf;
}}
"""


@dataclass(frozen=True)
class RunningNginx:
    """A running nginx."""

    port: int
    folder: Path

    def listens(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self) -> str:
        """Everything it has written into its logs."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


def rendered(
    upstream_port: int, port: int, folder: Path, changes: Mapping[str, str], source: str = ONE_PROCESS
) -> str:
    """The file as operators get it, but for its ports, the folder of its logs, and these changes."""
    text = (CONFIGURATIONS / source).read_text()
    for line, here in {
        **changes,
        **({"server 127.0.0.1:8000;": f"server 127.0.0.1:{upstream_port};"} if source == ONE_PROCESS else {}),
        "listen 80;": f"listen 127.0.0.1:{port};",
        "listen [::]:80;": f"listen [::1]:{port};",
        "/var/log/nginx/footfall.access.log": f"{folder}/access.log",
        "/var/log/nginx/footfall.error.log": f"{folder}/error.log",
    }.items():
        assert text.count(line) == 1, line
        text = text.replace(line, here)
    return text


@contextmanager
def start_nginx(
    upstream_port: int, changes: Mapping[str, str] | None = None, source: str = ONE_PROCESS
) -> Iterator[RunningNginx]:
    """nginx in front of `upstream_port`, gone afterwards; `changes`: by words that stand once in its file.

    The file for several processes names its own upstreams, which are not there.
    """
    with tempfile.TemporaryDirectory(prefix="footfall-nginx-") as name:
        nginx = RunningNginx(free_port(), Path(name))
        text = rendered(upstream_port, nginx.port, nginx.folder, changes or {}, source)
        (nginx.folder / "footfall.conf").write_text(text)
        # Started by root it would drop to a user who may not enter this folder.
        user = "user root;" if os.geteuid() == 0 else ""
        main = nginx.folder / "nginx.conf"
        main.write_text(AROUND.format(folder=nginx.folder, user=user))
        command = ["/usr/sbin/nginx", "-c", str(main), "-e", str(nginx.folder / "main.log")]
        checked = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr + nginx.log()) == (0, "")
        process = subprocess.Popen(command)
        try:
            wait_for(nginx.listens, what="nginx")
            yield nginx
        finally:
            process.terminate()
            process.wait(timeout=20)
