# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures of a provider: the message names the error, other records stay, and the next push completes the work."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from ansible_collections.mailinabox.admin.plugins.action.dns_push import ActionModule
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import BoxError
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _octodns

from .conftest import ZONES
from .powerdns import API_KEY, PowerDns
from .test_records_of_others import filled_state, wanted, wrong

KEY = {"POWERDNS_API_KEY": API_KEY}


def push(provider: PowerDns, zones: list[dict[str, Any]], key: str = API_KEY, **options: Any) -> _octodns.Push:
    return _octodns.Push(zones, {**provider.provider, **options}, {"POWERDNS_API_KEY": key}, "box.example.com")


@contextmanager
def failing_api(provider: PowerDns, zone: str) -> Iterator[int]:
    """Run a proxy in front of the provider's API, in which changes of one zone fail."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "PATCH" and self.path.rstrip(".").endswith(zone):
                self.send_error(500, "the provider is out of order; the key was " + self.headers["X-API-Key"])
                return
            with requests.Session() as session:
                session.trust_env = False
                told = session.request(
                    self.command,
                    f"http://127.0.0.1:{provider.api_port}{self.path}",
                    data=body,
                    headers={"X-API-Key": self.headers["X-API-Key"]},
                    timeout=10,
                )
            self.send_response(told.status_code)
            self.send_header("Content-Length", str(len(told.content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(told.content)

        do_GET = do_PATCH = do_POST = do_PUT = forward

        def log_message(self, *_unused: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_a_provider_that_fails_halfway(provider: PowerDns) -> None:
    zones = wanted(filled_state())
    before = {zone: provider.records(zone) for zone in ZONES}
    # octoDNS processes the zones from the last to the first.
    with failing_api(provider, "example.org") as port, pytest.raises(_octodns.PushFailed) as failure:
        _octodns.apply(push(provider, zones, port=port))
    assert "500 Server Error" in failure.value.message
    assert API_KEY not in failure.value.message
    planned, left = failure.value.details["planned"], failure.value.details["left"]
    assert 0 < left < planned
    # The task failed after it had changed something.
    assert ActionModule.after(None, failure.value) == {"changed": True}
    assert provider.records("example.org") == before["example.org"]
    assert len(_octodns.apply(push(provider, zones)).changes) == left
    assert wrong(provider, zones) == set()


@pytest.mark.parametrize(
    ("options", "key", "expected"),
    [
        ({"class": "octodns_nowhere.NowhereProvider"}, API_KEY, "package of the provider is installed"),
        ({"class": "octodns_powerdns.NowhereProvider"}, API_KEY, "package of the provider is installed"),
        ({}, "another-api-key", "Check the credentials."),
        ({"no_such_option": 1}, API_KEY, "no_such_option"),
        ({"port": 9}, API_KEY, "Connection refused"),
    ],
)
def test_a_provider_that_is_described_wrongly(
    options: dict[str, Any], key: str, expected: str, provider: PowerDns
) -> None:
    with pytest.raises(_octodns.PushFailed) as failure:
        _octodns.apply(push(provider, wanted(filled_state()), key, **options))
    assert expected in failure.value.message
    assert key not in failure.value.message
    assert "Traceback" not in failure.value.message
    # Nothing was planned, so nothing was changed.
    assert failure.value.details == {"planned": None, "left": None}
    assert ActionModule.after(None, failure.value) == {"changed": False}


def test_a_zone_that_the_provider_does_not_have(provider: PowerDns) -> None:
    provider.remove_zone("example.org")
    zones = wanted(filled_state())
    with pytest.raises(_octodns.PushFailed, match=r"the provider has no zone example\.org"):
        _octodns.apply(push(provider, zones))
    assert all(len(provider.records(zone)) == 1 for zone in ZONES if zone != "example.org")
    made = push(provider, zones)
    made.create_zones = True
    _octodns.apply(made)
    assert wrong(provider, zones) == set()


def test_a_plan_that_is_too_large(provider: PowerDns) -> None:
    zones = wanted(filled_state())
    _octodns.apply(push(provider, zones))
    before = provider.records("example.org")
    fewer = [{**zone, "records": zone["records"][:2]} for zone in zones]
    with pytest.raises(_octodns.PushFailed, match=r"force required.* push once with force"):
        _octodns.apply(push(provider, fewer))
    assert provider.records("example.org") == before


@pytest.mark.parametrize(
    ("provider_block", "expected"),
    [
        ({}, "class is missing"),
        ({"class": "Cloudflare"}, "class is missing"),
        ({"class": "octodns_cloudflare.CloudflareProvider", "token": "some-token-1"}, "a secret is not allowed here"),
        ({"class": "octodns_ovh.OvhProvider", "application_secret": "some-token-1"}, "a secret is not allowed here"),
        ({"class": "octodns_cloudflare.CloudflareProvider", "token": "env/NO_SUCH"}, "environment has no NO_SUCH"),
    ],
)
def test_a_provider_that_is_refused_before_octodns_runs(provider_block: dict[str, Any], expected: str) -> None:
    with pytest.raises(BoxError) as failure:
        _octodns.apply(_octodns.Push([], provider_block, KEY, "box.example.com"))
    assert expected in failure.value.message
    assert "some-token-1" not in str(failure.value.as_failure())
