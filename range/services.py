"""Starts and stops what the range runs: PostgreSQL, the store, Vendor X, and nginx in front of all three."""

from __future__ import annotations

import gzip
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import requests

from . import net

REPOSITORY = Path(__file__).resolve().parent.parent
PG_BIN = Path("/usr/lib/postgresql/15/bin")
STORE_HOST = "www.copperleaf.example"
VENDOR_HOST = "recs.vendorx.example"

# The address that each party's database connections come from.
STORE_SOURCE = "127.0.0.10"
VENDOR_SOURCE = "127.0.0.20"
INTRUDER_SOURCE = "127.0.66.6"

POSTGRES_CONF = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
shared_preload_libraries = 'pgaudit'
logging_collector = on
log_destination = 'csvlog'
log_directory = '{logs}'
log_filename = 'postgresql-%Y-%m-%d_%H%M%S.log'
log_rotation_size = 0
log_rotation_age = 0
log_file_mode = 0644
log_timezone = 'UTC'
timezone = 'UTC'
log_statement = 'mod'
log_parameter_max_length = -1
log_connections = on
log_disconnections = on
log_min_error_statement = error
log_checkpoints = off
fsync = off
"""

NGINX_CONF = """
{user}
worker_processes 1;
pid {run}/nginx.pid;
error_log {run}/nginx.error.log warn;
load_module {stream_module};
events {{ worker_connections 1024; }}

# Each party reaches PostgreSQL from its own address.
stream {{
{forwards}
}}

http {{
  include /etc/nginx/mime.types;
  client_body_temp_path {run}/nginx-body;
  proxy_temp_path {run}/nginx-proxy;
  fastcgi_temp_path {run}/nginx-fastcgi;
  uwsgi_temp_path {run}/nginx-uwsgi;
  scgi_temp_path {run}/nginx-scgi;
  server_tokens off;
  large_client_header_buffers 4 32k;
  # A load balancer in front hands over the client's address.
  set_real_ip_from 127.0.0.1;
  real_ip_header X-Forwarded-For;

  log_format store '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                   '"$http_referer" "$http_user_agent" rt=$request_time rid=$request_id host=$host';
  log_format vendor escape=json '{{"time_iso8601":"$time_iso8601","remote_addr":"$remote_addr","request_method":"$request_method",'
                   '"request_uri":"$request_uri","status":$status,"body_bytes_sent":$body_bytes_sent,'
                   '"http_user_agent":"$http_user_agent","http_referer":"$http_referer","request_time":$request_time,'
                   '"request_id":"$request_id","host":"$host"}}';

  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Request-ID $request_id;

  upstream store {{ server 127.0.0.1:{store_app}; keepalive 8; }}
  upstream vendor {{ server 127.0.0.1:{vendor_app}; keepalive 8; }}

  server {{
    listen 127.0.0.1:{web};
    server_name {store_host};
    access_log {logs}/web/access.log store;
    location /static/ {{ alias {static}/; expires 7d; }}
    location /media/ {{ alias {media}/; expires 7d; }}
    location / {{ proxy_pass http://store; }}
  }}
  server {{
    listen 127.0.0.1:{vendor_web};
    server_name {vendor_host};
    access_log {logs}/vendor/access.json.log vendor;
    location / {{ proxy_pass http://vendor; }}
  }}
}}
"""


def _demoted() -> dict:
    """PostgreSQL refuses to run as root; give it its own user then."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


@dataclass
class Services:
    """Everything that runs, under one folder. Use as a context manager: leaving it stops all of it."""

    run: Path
    store_name: str
    api_key: str
    vendor_api_key_id: str = "vx-7c21"
    processes: list[subprocess.Popen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs = self.run / "logs"
        self.ports = {
            name: net.free_port()
            for name in ("postgres", "web", "vendor_web", "store_app", "vendor_app", "db_store", "db_vendor", "db_intruder")
        }
        for folder in ("logs/web", "logs/vendor", "logs/app", "logs/db", "static", "media", "sockets"):
            (self.run / folder).mkdir(parents=True, exist_ok=True)
        self.run.chmod(0o755)
        (self.run / "media" / "image_not_found.jpg").touch()
        self.store_url = f"http://127.0.0.1:{self.ports['web']}"
        self.vendor_url = f"http://127.0.0.1:{self.ports['vendor_web']}"

    # What the processes are told.

    def dsn(self, user: str, port_name: str) -> str:
        return f"host=127.0.0.1 port={self.ports[port_name]} dbname=store user={user}"

    @property
    def observer_dsn(self) -> str:
        """The range's own superuser session. It leaves no statement in the evidence."""
        return (
            f"host={self.run / 'sockets'} port={self.ports['postgres']} dbname=store user=postgres "
            "application_name=observer options='-c log_statement=none -c log_disconnections=off -c pgaudit.log=none'"
        )

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "TZ": "UTC",
            "HOME": str(self.run),
            "PYTHONPATH": str(REPOSITORY),
            "DJANGO_SETTINGS_MODULE": "range.store.settings",
            "STORE_SECRET_KEY": "range-only",
            "STORE_NAME": self.store_name,
            "STORE_DB_HOST": "127.0.0.1",
            "STORE_DB_PORT": str(self.ports["db_store"]),
            "STORE_STATIC_ROOT": str(self.run / "static"),
            "STORE_MEDIA_ROOT": str(self.run / "media"),
            "STORE_SEARCH_INDEX": str(self.run / "search"),
            "STORE_LOG": str(self.logs / "app" / "store.log"),
            "VENDOR_DSN": self.dsn("vendor_x", "db_vendor"),
            "VENDOR_API_KEY": self.api_key,
            "VENDOR_LOG": str(self.logs / "vendor" / "recs.log"),
        }

    # Life.

    def __enter__(self) -> Services:
        try:
            self._start_postgres()
            self._start_nginx()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                # SIGINT is PostgreSQL's fast shutdown, and stops the others too.
                process.send_signal(signal.SIGINT)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _spawn(self, command: list[str], name: str, **options) -> None:
        output = open(self.run / f"{name}.out", "ab")
        environment = options.pop("env", None) or self.environment()
        self.processes.append(
            subprocess.Popen(
                command, cwd=options.pop("cwd", REPOSITORY), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment, start_new_session=True, **options,
            )
        )
        output.close()

    def _start_postgres(self) -> None:
        data, owner = self.run / "pgdata", _demoted()
        for folder in (data, self.run / "sockets", self.logs / "db"):
            folder.mkdir(exist_ok=True)
            if owner:
                shutil.chown(folder, owner["user"], owner["group"])
        subprocess.run(
            [PG_BIN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
            check=True, cwd="/", stdout=subprocess.DEVNULL, **owner,
        )
        with open(data / "postgresql.conf", "a") as conf:
            conf.write(
                POSTGRES_CONF.format(port=self.ports["postgres"], sockets=self.run / "sockets", logs=self.logs / "db")
            )
        (data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.0/8 trust\n")
        self._spawn([str(PG_BIN / "postgres"), "-D", str(data)], "postgres", cwd="/", **owner)
        administrator = self.observer_dsn.replace("dbname=store", "dbname=postgres").replace(" -c pgaudit.log=none", "")
        _wait(lambda: psycopg.connect(administrator).close(), psycopg.Error)
        with psycopg.connect(administrator, autocommit=True) as connection:
            connection.execute("CREATE ROLE store LOGIN")
            connection.execute("CREATE ROLE vendor_x LOGIN")
            connection.execute("CREATE DATABASE store OWNER store")
            connection.execute("ALTER ROLE vendor_x SET log_statement = 'all'")
        with self.observe() as connection:
            connection.execute("CREATE EXTENSION pgaudit")
            for setting in ("pgaudit.log = 'read, write'", "pgaudit.log_rows = on", "pgaudit.log_relation = off"):
                connection.execute(f"ALTER ROLE vendor_x SET {setting}")

    def _start_nginx(self) -> None:
        forwards = "\n".join(
            f"  server {{ listen 127.0.0.1:{self.ports[port]}; proxy_bind {source}; "
            f"proxy_pass 127.0.0.1:{self.ports['postgres']}; proxy_timeout 1d; }}"
            for port, source in (
                ("db_store", STORE_SOURCE), ("db_vendor", VENDOR_SOURCE), ("db_intruder", INTRUDER_SOURCE),
            )
        )
        conf = self.run / "nginx.conf"
        conf.write_text(
            NGINX_CONF.format(
                user=f"user {pwd.getpwuid(os.getuid()).pw_name};" if os.geteuid() == 0 else "",
                run=self.run, logs=self.logs, static=self.run / "static", media=self.run / "media", forwards=forwards,
                stream_module="/usr/lib/nginx/modules/ngx_stream_module.so",
                store_host=STORE_HOST, vendor_host=VENDOR_HOST, **self.ports,
            )
        )
        self._spawn(["nginx", "-c", str(conf), "-p", str(self.run), "-g", "daemon off;"], "nginx", cwd="/")
        _wait(lambda: psycopg.connect(self.dsn("store", "db_store")).close(), psycopg.Error)

    def start_applications(self) -> None:
        """The store and the vendor's service; call when the database is filled."""
        gunicorn = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--keep-alive", "60", "--timeout", "120", "--graceful-timeout", "3"]
        self._spawn(
            [*gunicorn, "--workers", "2", "--threads", "4", "-b", f"127.0.0.1:{self.ports['store_app']}", "range.store.wsgi"],
            "store",
        )
        self._spawn(
            [*gunicorn, "--workers", "1", "--threads", "4", "-b", f"127.0.0.1:{self.ports['vendor_app']}", "range.vendor.app"],
            "vendor",
        )
        for url, host in ((self.store_url, STORE_HOST), (f"{self.vendor_url}/healthz", VENDOR_HOST)):
            def answers(url=url, host=host):
                response = requests.get(url, headers={"Host": host, "User-Agent": "kube-probe/1.29"}, timeout=20)
                response.raise_for_status()

            _wait(answers, requests.RequestException)

    # What the range does to them while they run.

    def observe(self) -> psycopg.Connection:
        return psycopg.connect(self.observer_dsn, autocommit=True)

    def manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", *arguments], cwd=REPOSITORY, env=self.environment() | {"STORE_DB_USER": "store"}, check=True
        )

    def rotate(self, name: str) -> None:
        """Rotates logs the way their writers expect: nginx by rename and reopen, the applications by rename, PostgreSQL by itself."""
        if name == "db":
            with self.observe() as connection:
                connection.execute("SELECT pg_rotate_logfile()")
            return
        files = {"web": ("access.log",), "app": ("store.log",), "vendor": ("access.json.log", "recs.log")}[name]
        for log in (self.logs / name / file for file in files):
            older = Path(f"{log}.1")
            if older.exists():
                older.rename(f"{log}.2")
            log.rename(older)
        os.kill(int((self.run / "nginx.pid").read_text()), signal.SIGUSR1)

    def dump(self, target: Path) -> None:
        """A plain pg_dump, compressed."""
        command = [
            PG_BIN / "pg_dump", "-h", self.run / "sockets", "-p", str(self.ports["postgres"]), "-U", "postgres",
            "--no-owner", "--exclude-table-data=django_session", "--exclude-table-data=django_migrations", "store",
        ]
        options = {"PGOPTIONS": "-c log_statement=none -c log_disconnections=off", "PGAPPNAME": "pg_dump"}
        dump = subprocess.run(command, env=os.environ | options, check=True, stdout=subprocess.PIPE).stdout
        target.parent.mkdir(parents=True, exist_ok=True)
        with gzip.GzipFile(target, "wb", compresslevel=9, mtime=0) as out:
            out.write(dump)


def _wait(attempt, failure, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except failure:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
