# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in request paths, over HTTPS: no value of a name changes which path is requested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.client import Client
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call
from tests.box import Box
from tests.tasks import run_task

from . import holds
from .trial import REFUSED, STORED
from .values import SNIPPETS

# The option that is part of the path, the other options, and the path with a placeholder.
IN_PATHS: dict[str, tuple[str, dict[str, Any], str]] = {
    "miab_dns_record": ("name", {"type": "A", "value": "192.0.2.9"}, "/dns/custom/{}/A"),
    "miab_ssl_csr": ("domain", {"country_code": "GB"}, "/ssl/csr/{}"),
}
# Users and aliases show what the box itself publishes in the zone of its host name.
READS = {"/dns/custom", "/dns/zones", "/mail/aliases", "/mail/users"}


def names() -> list[str]:
    """A name of the box with a text inserted: before, inside, after, and instead of a label."""
    forms = ("{}.box.example.com", "a{}b.box.example.com", "box.example.com{}", "box.example.com/{}", "{}")
    return [form.format(snippet) for form in forms for snippet in SNIPPETS]


@pytest.mark.parametrize("module", IN_PATHS)
def test_a_name_cannot_change_the_request_path(module: str, record_property: Callable[[str, object], None]) -> None:
    ends: Counter[str] = Counter()
    option, others, path = IN_PATHS[module]
    with Box("v75") as box:
        for name in names():
            box.reset()
            result = run_task(box, module, {**others, option: name})
            asked = {entry.path for entry in box.log}
            if result.get("failed"):
                assert not [entry for entry in box.log if entry.is_write]
                assert asked <= READS, ascii(name)
                assert option in result["msg"]
                ends[REFUSED] += 1
            else:
                assert asked - READS == {path.format(holds.name(name))}, ascii(name)
                assert not any(entry.query for entry in box.log if entry.path not in READS)
                ends[STORED] += 1
    record_property("bad input", {"module": module, "ends": dict(ends)})
    assert len(ends) == 2


@pytest.mark.parametrize(
    "name", ["../../mail/users/remove", "a/../b", "a?b=c", "a#b", "a%2fb", "...", "%2e%2e", "a//b", "a\\b"]
)
def test_a_quoted_name_is_escaped_in_the_path(name: str) -> None:
    """Even if a planner accepted it, neither ``requests`` nor urllib3 would split it into two path segments."""
    with pytest.raises(ValueError, match="the path must not have"):
        Call("POST", "/dns/custom/../A", body="192.0.2.9")
    with (
        Box("v75") as box,
        Client(
            Connection(box.url, box.username, box.password, verify=box.cacert), sleep=lambda _seconds: None
        ) as client,
    ):
        call = Call("POST", "/dns/custom/%s/A" % quote(name, safe=""), body="192.0.2.9")
        with pytest.raises(Exception, match=r"POST /dns/custom/"):
            client.send(call)
        assert {entry.path for entry in box.log} <= {"/dns/custom/%s/A" % name}
        assert box.state.dns_records == []
