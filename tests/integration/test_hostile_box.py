# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run all playbooks and roles against hostile boxes, on the oldest and the newest ansible-core. Texts of a box are never executed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import Box
from tests.box.answers import JSON, Answer, Request
from tests.box.prepare import prepare
from tests.box.server import LogEntry
from tests.hostile import IDENTIFIERS, spread, values
from tests.tasks import connection

from .cores import extremes, programs
from .playbooks import run_on_hosts

NUMBER = 25
SECONDS = 250
HELD = {
    "users": [{"email": "ann@example.org", "password": "ann-password-1"}],
    "aliases": [
        {
            "address": "sales@example.org",
            "forwards_to": ["ann@example.org"],
            "permitted_senders": ["ann@example.org"],
        }
    ],
    "dns_records": [{"qname": "x.example.org", "rtype": "TXT", "value": "x"}],
    "secondary_nameservers": ["ns2.example.net"],
}
OPEN = {"/login", "/logout", "/me"}


class HostileBox(Box):
    """A box with hostile texts in its answers to all reads.

    :param spared: fields that stay as they are.
    """

    def __init__(self, texts: list[str], spared: frozenset[str]) -> None:
        self.texts = texts
        self._spared = spared
        super().__init__("v75", control=False)
        prepare(self.state, HELD)

    def _respond(self, request: Request, entry: LogEntry) -> Answer:
        answer = super()._respond(request, entry)
        if request.path in OPEN or entry.is_write or answer.status != 200:
            return answer
        if answer.content_type == JSON:
            return replace(answer, body=json.dumps(spread(answer.json(), self.texts, self._spared)))
        return replace(answer, body="\n".join(self.texts))


class FailingBox(HostileBox):
    """A box that answers every request with an error, each with a different hostile text."""

    def _respond(self, request: Request, entry: LogEntry) -> Answer:
        text = self.texts[len(self.log) % len(self.texts)]
        header = text.encode("ascii", "ignore").decode().replace("\n", " ").replace("\r", " ")
        answers = [
            Answer(400, "text/plain", text),
            Answer(401, "text/plain", text, {"X-Reason": header}),
            Answer(302, "text/plain", text, {"Location": header}),
            Answer(200, header, text),
            Answer(200, JSON, json.dumps({"status": text, "reason": text})),
        ]
        return answers[len(self.log) % len(answers)]


def hostile_boxes(canary: Path) -> dict[str, Callable[[], Box]]:
    """The boxes by the names of their hosts. With each kind of text, tasks get to a different point."""
    texts = list(values(NUMBER, canary))
    fit_for_dns = [text.strip() for text in texts if text.isascii() and text.isprintable()]
    return {
        "values": lambda: HostileBox(fit_for_dns, IDENTIFIERS),
        "fields": lambda: HostileBox(texts, IDENTIFIERS - {"privileges", "quota", "target", "type", "date"}),
        "quotes": lambda: HostileBox(texts[:1], IDENTIFIERS - {"email"}),
        "addresses": lambda: HostileBox(texts, IDENTIFIERS - {"email", "address", "forwards_to"}),
        "names": lambda: HostileBox(texts, frozenset({"status"})),
        "everything": lambda: HostileBox(texts, frozenset()),
        "errors": lambda: FailingBox(texts, frozenset()),
    }


def playbook(folder: Path) -> list[dict[str, Any]]:
    """Run export, plan and apply with the exported declaration or with an empty one and purge, then health and both roles."""
    go_on = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.meta": "clear_host_errors"}]}
    file = f"{folder}/{{{{ inventory_hostname }}}}.yml"
    is_exported = f"('{folder}/' ~ inventory_hostname ~ '.yml') is file"
    nothing = {name: [] for name in ("miab_users", "miab_aliases", "miab_dns_records")}
    load = [
        {"ansible.builtin.include_vars": {"file": file}, "when": is_exported},
        {
            "ansible.builtin.set_fact": {**nothing, "miab_purge": ["users", "aliases", "dns_records"]},
            "when": "not " + is_exported,
        },
    ]
    plays: list[dict[str, Any]] = [
        {"import_playbook": "mailinabox.admin.export"},
        {"hosts": "all", "gather_facts": False, "tasks": load},
        *({"import_playbook": "mailinabox.admin." + name} for name in ("plan", "apply", "health")),
        *({"hosts": "all", "gather_facts": False, "roles": ["mailinabox.admin." + name]} for name in ("health", "box")),
        {"hosts": "values", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "at the end"}}]},
    ]
    return [one for play in plays for one in (play, go_on)]


# The first run also installs this ansible-core, so the limit is generous.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("core", extremes())
def test_nothing_from_a_box_is_executed(core: str, tmp_path: Path) -> None:
    canary, folder = tmp_path / "canary", tmp_path / "out"
    paths = {f"miab_{name}_folder": str(folder) for name in ("export", "plan", "health", "metrics")}
    with ExitStack() as stack:
        boxes = {name: stack.enter_context(make()) for name, make in hostile_boxes(canary).items()}
        hosts = {
            name: {
                **{"miab_" + option: value for option, value in connection(box).items()},
                **paths,
                "ansible_connection": "local",
                "miab_purge_limit": 10_000,
                "miab_health_end": False,
                "miab_metrics_each_mailbox": True,
            }
            for name, box in boxes.items()
        }
        (tmp_path / "playbook.yml").write_text(yaml.safe_dump(playbook(folder)), encoding="utf-8")
        done = run_on_hosts(hosts, tmp_path / "playbook.yml", tmp_path, seconds=SECONDS, programs=programs(core))
    assert "at the end" in done.output, done.output[-3000:]
    assert not canary.exists()
    assert "bug in mailinabox.admin" not in done.output
    # A box with unusual but valid values can be exported, and matches its export.
    assert {file.name for file in folder.iterdir()} == {
        *("fields.yml", "values.yml", "health.html", "health.prom", "plan.json", "plan.md"),
    }
    assert not [entry for entry in boxes["values"].log if entry.is_write]
    assert "export again" in done.output
