# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run PowerDNS with its HTTP API on the loopback interface, as a DNS provider."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

PROGRAM = "pdns_server"
SCHEMAS = (
    Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"),
    Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql"),
)
API_KEY = "powerdns-api-key-1"


def find() -> str | None:
    """The path of PowerDNS; None if it or its SQLite backend is not installed."""
    if not any(schema.exists() for schema in SCHEMAS):
        return None
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin")


def free_port() -> int:
    """A port that is free for both UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


def wait_until_ready(
    process: subprocess.Popen[bytes], ask: Callable[[], object], log: Path, seconds: float = 20
) -> None:
    """Wait until a server that was just started answers. If it ends or doesn't answer in time, fail and show its log.

    :param ask: sends a request, and raises ``requests.ConnectionError`` while the server is not ready.
    """
    deadline = time.monotonic() + seconds
    while True:
        with suppress(requests.ConnectionError):
            ask()
            return
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.02)


class PowerDns:
    """A running server.

    :ivar dns: its address for DNS queries.
    """

    def __init__(self, dns_port: int, api_port: int) -> None:
        self.dns = f"127.0.0.1:{dns_port}"
        self.dns_port = dns_port
        self.api_port = api_port
        self._session = requests.Session()
        self._session.headers["X-API-Key"] = API_KEY
        # Don't use a proxy from the environment for loopback addresses.
        self._session.trust_env = False

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        url = f"http://127.0.0.1:{self.api_port}/api/v1/servers/localhost{path}"
        response = self._session.request(method, url, json=body, timeout=10)
        response.raise_for_status()
        return response.json() if response.content else None

    def add_zone(self, name: str) -> None:
        self.ask("POST", "/zones", {"name": name + ".", "kind": "Native", "nameservers": [f"ns.{name}."]})

    def remove_zone(self, name: str) -> None:
        self.ask("DELETE", f"/zones/{name}.")

    def write(self, zone: str, name: str, rtype: str, *values: str, ttl: int = 600) -> None:
        """Replace a record set directly, as another administrator would."""
        self.write_all(zone, [(name, rtype, values)], ttl)

    def write_all(self, zone: str, sets: list[tuple[str, str, tuple[str, ...]]], ttl: int = 600) -> None:
        rrsets = [
            {
                "name": name + ".",
                "type": rtype,
                "ttl": ttl,
                "changetype": "REPLACE" if values else "DELETE",
                "records": [{"content": value, "disabled": False} for value in values],
            }
            for name, rtype, values in sets
        ]
        self.ask("PATCH", f"/zones/{zone}.", {"rrsets": rrsets})

    def records(self, zone: str) -> dict[tuple[str, str], tuple[int, tuple[str, ...]]]:
        """The TTL and values of each record set except the SOA. Escaped semicolons are unescaped, because both forms mean the same."""
        return {
            (rrset["name"].rstrip("."), rrset["type"]): (
                rrset["ttl"],
                tuple(sorted(record["content"].replace("\\;", ";") for record in rrset["records"])),
            )
            for rrset in self.ask("GET", f"/zones/{zone}.")["rrsets"]
            if rrset["type"] != "SOA"
        }

    @property
    def provider(self) -> dict[str, Any]:
        """The provider configuration of octoDNS for this server."""
        return {
            "class": "octodns_powerdns.PowerDnsProvider",
            "host": "127.0.0.1",
            "port": self.api_port,
            "api_key": "env/POWERDNS_API_KEY",
        }


@contextmanager
def powerdns(folder: Path) -> Iterator[PowerDns]:
    """Start a server, and stop it at the end."""
    program = find()
    assert program
    folder.mkdir(parents=True, exist_ok=True)
    (schema, *_others) = [schema for schema in SCHEMAS if schema.exists()]
    with closing(sqlite3.connect(folder / "pdns.sqlite3")) as database:
        database.executescript(schema.read_text(encoding="utf-8"))
    server = PowerDns(free_port(), free_port())
    settings = {
        "launch": "gsqlite3",
        "gsqlite3-database": folder / "pdns.sqlite3",
        # The data need not survive a crash, so writes can be fast.
        "gsqlite3-pragma-synchronous": 0,
        "local-address": "127.0.0.1",
        "local-port": server.dns_port,
        "webserver": "yes",
        "webserver-address": "127.0.0.1",
        "webserver-port": server.api_port,
        "api": "yes",
        "api-key": API_KEY,
        "socket-dir": folder,
        "setuid": "",
        "setgid": "",
        # Turn off caches, so that changes are served immediately.
        "cache-ttl": 0,
        "query-cache-ttl": 0,
        "negquery-cache-ttl": 0,
        "zone-cache-refresh-interval": 0,
        "security-poll-suffix": "",
    }
    (folder / "pdns.conf").write_text(
        "".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8"
    )
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [program, f"--config-dir={folder}", "--daemon=no", "--guardian=no"], stdout=log, stderr=log
        )
    try:
        wait_until_ready(process, lambda: server.ask("GET", ""), folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(10)
