"""Who is measured: plain nginx, nginx with ModSecurity and the OWASP rules, and our sidecar; and the app
behind them.

Owns their configuration, the same for all where it can be: one worker, one core, HTTP/1.1 keep-alive on
both sides, no access log, bodies passed on as they come where the peer can.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from bench.cases import NEW_PAGES, new_page, page
from bench.processes import Cores, Server, free_port, listens
from bench.wire import WireError, get

ROOT: Final = Path(__file__).resolve().parent.parent
SIDECAR_COMMAND = (sys.executable, "-m", "waf.cli", "run")
MODSECURITY_MODULE: Final = Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so")
CRS_SETUP: Final = Path("/etc/modsecurity/crs/crs-setup.conf")
CRS_RULES: Final = Path("/usr/share/modsecurity-crs/rules")
UNICODE_MAP: Final = Path("/etc/nginx/unicode.mapping")

_NGINX: Final = """
{modules}
{user}
daemon off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    server_tokens off;
    default_type application/octet-stream;
    types {{ text/html html; }}
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    open_file_cache max=10;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_buffer_size 256k;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    {content}
}}
"""

_BACKEND: Final = """
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {dir};
        location / {{ default_type application/json; return 200 '{{"ok":true,"items":[1,2,3]}}'; }}
        location = /page.html {{ }}
        location /new/ {{ }}
        location = /chunks.html {{ alias {dir}/page.html; sub_filter '<x-never>' ''; tcp_nopush off; }}
        location = /upload {{
            proxy_pass http://127.0.0.1:{sink};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }}
    }}
"""

_PROXY: Final = """
    upstream app {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
    {modsecurity}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_request_buffering off;
            proxy_buffers 16 16k;
        }}
    }}
"""

_MODSECURITY: Final = """
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 104857600
SecRequestBodyNoFilesLimit 1048576
SecRequestBodyLimitAction Reject
SecRule REQUEST_HEADERS:Content-Type "(?:application(?:/soap\\+|/)|text/)xml" \\
    "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "application/json" \\
    "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecPcreMatchLimit 100000
SecPcreMatchLimitRecursion 100000
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecResponseBodyLimit 1048576
SecResponseBodyLimitAction ProcessPartial
SecArgumentSeparator &
SecCookieFormat 0
SecUnicodeMapFile {unicode} 20127
SecAuditEngine Off
SecStatusEngine Off
Include {setup}
Include {rules}/*.conf
"""

_SIDECAR: Final = """
mode: protect
listen:
  address: 127.0.0.1:{port}
{listen}upstream:
  url: http://127.0.0.1:{upstream}
events:
  output: {dir}/events.jsonl
  access: {access}
control:
  listen: 127.0.0.1:{control}
state_dir: {dir}/state
cache_dir: {cache}
{more}
"""


class Peer(NamedTuple):
    """A running proxy. `port` takes requests; `control` is the sidecar's control port, 0 for the others."""

    name: str
    port: int
    server: Server
    control: int = 0


def start_app(directory: Path, cores: Cores, port: int = 0) -> Peer:
    """The app of bench.backend, which reads bodies to their end and can fail in every way."""
    port = port or free_port()
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bench.backend", "--port", str(port)]
    server = Server(command, where=cores.others, log=directory / "log", ready=lambda: listens(port), cwd=ROOT)
    return Peer("app", port, server)


def start_backend(directory: Path, cores: Cores, sink: Peer) -> Peer:
    """nginx as the app: a short JSON answer, the HTML page at /page.html, in chunks at /chunks.html and in many forms in /new/, /upload passed on to `sink`."""
    port = free_port()
    directory.mkdir(parents=True)
    (directory / "page.html").write_bytes(page())
    (directory / "new").mkdir()
    for number in range(NEW_PAGES):
        (directory / "new" / f"{number}.html").write_bytes(new_page(number))
    content = _BACKEND.format(port=port, dir=directory, sink=sink.port)
    return Peer("direct", port, _nginx(directory, content, port, cores.others))


def start_nginx(directory: Path, cores: Cores, upstream: int) -> Peer:
    port = free_port()
    directory.mkdir(parents=True)
    content = _PROXY.format(port=port, upstream=upstream, modsecurity="")
    return Peer("nginx", port, _nginx(directory, content, port, cores.server))


def start_modsecurity(directory: Path, cores: Cores, upstream: int) -> Peer:
    """nginx with the rule set at its defaults: paranoia level 1, blocking, bodies of both directions
    inspected."""
    port = free_port()
    directory.mkdir(parents=True)
    rules = directory / "modsecurity.conf"
    rules.write_text(_MODSECURITY.format(unicode=UNICODE_MAP, setup=CRS_SETUP, rules=CRS_RULES))
    directives = f"modsecurity on;\n    modsecurity_rules_file {rules};"
    content = _PROXY.format(port=port, upstream=upstream, modsecurity=directives)
    modules = f"load_module {MODSECURITY_MODULE};"
    return Peer("modsecurity", port, _nginx(directory, content, port, cores.server, modules))


def start_sidecar(
    directory: Path,
    cores: Cores,
    upstream: int,
    *,
    more: str = "",
    listen: str = "",
    cache: Path | None = None,
    access: str = "none",
) -> Peer:
    """Our sidecar in protect mode with default rules; `more` is further YAML for its configuration,
    `listen` further lines of that section.

    `access` says which unremarkable exchanges get an event too ("none", "sampled", "all").
    `cache` keeps compiled patterns between starts; by default it is inside `directory`.
    """
    port, control = free_port(), free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "waf.yaml"
    config.write_text(
        _SIDECAR.format(
            port=port,
            upstream=upstream,
            control=control,
            dir=directory,
            cache=cache or directory / "cache",
            more=more,
            access=access,
            listen=listen,
        )
    )
    server = Server(
        [*SIDECAR_COMMAND, "--config", str(config)],
        where=cores.server,
        log=directory / "log",
        ready=lambda: _is_ready(control),
        env={
            "PYTHONPATH": str(ROOT),
            # Compiled modules are kept, as in an installed package, whatever the shell says about them.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str((cache or directory) / "bytecode"),
        },
        cwd=ROOT,
    )
    return Peer("sidecar", port, server, control)


def why_not(name: str) -> str:
    """Why a peer cannot be started on this machine, "" if it can."""
    if shutil.which("nginx") is None:
        return "nginx is not installed"
    if name == "modsecurity":
        for needed in (MODSECURITY_MODULE, CRS_SETUP, CRS_RULES, UNICODE_MAP):
            if not needed.exists():
                return "ModSecurity for nginx or its rule set is not installed"
    if name == "sidecar":
        probe = subprocess.run(
            [sys.executable, "-c", "import waf.cli"], cwd=ROOT, capture_output=True, check=False, timeout=60
        )
        if probe.returncode:
            return "waf.cli cannot be imported"
    return ""


Start = Callable[[Path, Cores, int], Peer]
PEERS: Final[dict[str, Start]] = {
    "nginx": start_nginx,
    "modsecurity": start_modsecurity,
    "sidecar": start_sidecar,
}


def _nginx(directory: Path, content: str, port: int, where: str, modules: str = "") -> Server:
    config = directory / "nginx.conf"
    # As root nginx would give its workers to another user, who cannot write to our directory.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_NGINX.format(modules=modules, user=user, dir=directory, content=content))
    command = ["nginx", "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(config)]
    return Server(command, where=where, log=directory / "log", ready=lambda: listens(port))


def _is_ready(control: int) -> bool:
    try:
        return get(control, "/readyz", timeout=2.0).status == 200
    except (OSError, WireError):
        return False
