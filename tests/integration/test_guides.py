# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the plays and tasks of the guides unchanged."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any

import jinja2
import pytest
import yaml

from tests.box import Box
from tests.box.prepare import prepare

from .playbooks import ROOT, Run, connection, run_on_hosts, run_playbook
from .test_roles import make_healthy

STATE: dict[str, Any] = {
    "users": [
        {"email": "ann@example.org", "password": "ann-password-1"},
        {"email": "bob@example.org", "password": "bob-password-0"},
        {"email": "automation@box.example.com", "password": "adminpass123", "privileges": ["admin"]},
    ],
    "aliases": [{"address": "sales@example.org", "forwards_to": ["automation@box.example.com"]}],
}
SECRETS = {
    "vault_miab_password": "adminpass123",
    "vault_bob_password": "bob-password-1",
    "vault_totp_secret": "JBSWY3DPEHPK3PXP" * 2,
}


def yaml_of(guide: str) -> list[Any]:
    """The YAML blocks of a guide, in order."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    blocks = re.finditer(r"^( *)```yaml\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(dedent(block[2])) for block in blocks]


def plays_of(guide: str) -> list[dict[str, Any]]:
    """The plays of a guide. Tasks without a play are put into one, which signs in with the environment."""
    plays = []
    for block in yaml_of(guide):
        if isinstance(block, list):
            alone = {"hosts": "localhost", "gather_facts": False, "vars_files": ["vault.yml"], "tasks": block}
            plays += block if {"hosts", "import_playbook"} & set(block[0]) else [alone]
    return plays


def run_plays(plays: list[dict[str, Any]], box: Box, folder: Path, *arguments: str) -> Run:
    """Run plays with the simulated box in place of box.example.com."""
    text = yaml.safe_dump(plays).replace("host: box.example.com\n", f"host: {box.url}\n")
    (folder / "playbook.yml").write_text(text, encoding="utf-8")
    (folder / "vault.yml").write_text(yaml.safe_dump(SECRETS), encoding="utf-8")
    environment = {"MIAB_" + option.upper(): value for option, value in connection(box).items()}
    return run_playbook(box, folder / "playbook.yml", folder, arguments=arguments, environment=environment)


# An older version, which has no quotas: the guides must work on it, too.
VERSION = "v60"


@pytest.mark.parametrize("guide", ["first-box.md", "mfa-and-sessions.md", "dns-elsewhere.md"])
def test_plays_of_guides(guide: str, tmp_path: Path) -> None:
    plays = [play for play in plays_of(guide) if play.get("hosts") == "localhost"]
    with Box(VERSION) as box:
        prepare(box.state, STATE)
        run = run_plays(plays, box, tmp_path)
    assert run.status == 0, run.output
    assert len(run.outcomes) >= len(plays) >= 2


def test_the_first_change_is_as_predicted(tmp_path: Path) -> None:
    play = plays_of("first-box.md")[:1]
    with Box(VERSION) as box:
        prepare(box.state, STATE)
        predicted = run_plays(play, box, tmp_path, "--check")
        made = run_plays(play, box, tmp_path)
        again = run_plays(play, box, tmp_path)
    assert [run.status for run in (predicted, made, again)] == [0, 0, 0], predicted.output + made.output
    changed = [[outcome.result["changed"] for outcome in run.outcomes] for run in (predicted, made, again)]
    assert changed == [[True, True], [True, True], [False, False]]


def test_the_declaration_of_the_front_page_and_an_account_for_the_automation(tmp_path: Path) -> None:
    (declared,) = yaml_of("index.md")
    with Box(VERSION) as box:
        prepare(box.state, {**STATE, "users": STATE["users"][:2]})
        reached = {"miab_host": box.url, "miab_ca_path": box.cacert}
        account = {"miab_username": "automation@{{ inventory_hostname }}", "miab_password": "automation-password"}
        hosts = {"box.example.com": {**reached, **account, **declared}}
        me = [f"miab_bootstrap_username={box.username}", f"miab_bootstrap_password={box.password}"]
        arguments = [word for variable in me for word in ("-e", variable)]
        for changes in (1, 0):
            made = run_on_hosts(hosts, Path("mailinabox.admin.bootstrap"), tmp_path, arguments)
            assert made.status == 0, made.output
            assert f"changed={changes} " in made.output.partition("PLAY RECAP")[2]
        assert box.state.users["automation@box.example.com"].privileges == ["admin"]
        assert not [secret for secret in ("automation-password", box.password) if secret in made.output]
        applied = run_on_hosts(hosts, Path("mailinabox.admin.apply"), tmp_path)
        assert applied.status == 0, applied.output
        assert "box.example.com: 1 creation, 1 change" in applied.output


def test_a_name_follows_an_address_that_changes(newest_box: Box, tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"192.0.2.7\n")

        def log_message(self, *_unused: Any) -> None:
            pass

    name, old = "home.example.org", "192.0.2.6"
    prepare(newest_box.state, {**STATE, "dns_records": [{"qname": name, "rtype": "A", "value": old}]})
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        threading.Thread(target=service.serve_forever, args=(0.01,), daemon=True).start()
        arguments = ("-e", f"address_url=http://127.0.0.1:{service.server_port}")
        runs = [run_plays(plays_of("dynamic-dns.md"), newest_box, tmp_path, *arguments) for _number in range(2)]
        service.shutdown()
    assert [run.status for run in runs] == [0, 0], runs[0].output
    assert [run.outcomes[-1].result["changed"] for run in runs] == [True, False]
    assert [record[:3] for record in newest_box.state.dns_records] == [(name, "A", "192.0.2.7")]


@pytest.mark.parametrize(("removals", "status"), [(3, 0), (4, 2)])
def test_the_guard_against_removing_users_in_bulk(removals: int, status: int, newest_box: Box, tmp_path: Path) -> None:
    changes = [{"resource": "user", "action": "remove"}] * removals + [{"resource": "alias", "action": "remove"}]
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text(json.dumps({"boxes": [{"changes": changes}]}), encoding="utf-8")
    play = [play for play in plays_of("pull-requests.md") if "in bulk" in play["name"]]
    assert run_plays(play, newest_box, tmp_path).status == status


@pytest.mark.parametrize(("name", "arguments", "status"), [("apply", ("--check", "--diff"), 0), ("drift", (), 2)])
def test_awx_signs_in_by_its_credential(
    name: str, arguments: tuple[str, ...], status: int, newest_box: Box, tmp_path: Path
) -> None:
    prepare(newest_box.state, STATE)
    blocks = yaml_of("awx.md")
    fields = next(block["fields"] for block in blocks if "fields" in block)
    injected = next(block["env"] for block in blocks if "env" in block)
    # AWX renders an empty field as an undefined variable.
    given = {"username": newest_box.username, "password": newest_box.password}
    assert set(given) < {field["id"] for field in fields}
    environment = {key: jinja2.Template(template).render(given) for key, template in injected.items()}
    books = [block for block in blocks if isinstance(block, list) and "import_playbook" in block[0]]
    book = next(book for book in books if book[0]["import_playbook"].endswith({"drift": "plan"}.get(name, name)))
    book[0].get("vars", {}).update(miab_plan_folder=str(tmp_path / "plan"))
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump(book), encoding="utf-8")
    hosts = {
        "box.example.com": {
            "miab_host": newest_box.url,
            "miab_ca_path": newest_box.cacert,
            "miab_aliases": [{"address": "sales@example.org", "forwards_to": ["ann@example.org"]}],
        }
    }
    run = run_on_hosts(hosts, tmp_path / "playbook.yml", tmp_path, arguments, environment)
    assert run.status == status, run.output
    assert "box.example.com: 1 change" in run.output
    assert not newest_box.violations


@contextmanager
def chat() -> Iterator[tuple[str, list[Any]]]:
    """Run a webhook. Return its URL, and the list of received messages."""
    received: list[Any] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the output of the tests short."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/secret-of-the-webhook", received
        finally:
            server.shutdown()
            thread.join()


def test_a_message_without_prometheus(newest_box: Box, tmp_path: Path) -> None:
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump(plays_of("monitoring.md")), encoding="utf-8")
    with Box() as well, chat() as (address, received):
        make_healthy(well)
        hosts = {
            name: {
                **{"miab_" + option: value for option, value in connection(box).items()},
                # Turn off these checks, so that there is exactly one problem.
                **{f"miab_health_{check}": "ignore" for check in ("certificates", "status_checks", "mailboxes", "dns")},
                "chat_webhook": address,
            }
            for name, box in (("well.example.com", well), ("ill.example.com", newest_box))
        }
        (tmp_path / "groups.yml").write_text(
            yaml.safe_dump({"boxes": {"hosts": dict.fromkeys(hosts)}}), encoding="utf-8"
        )
        run = run_on_hosts(hosts, tmp_path / "playbook.yml", tmp_path, ("-i", str(tmp_path / "groups.yml")))
    assert run.status == 0, run.output
    assert received == [{"text": "ill.example.com: There is no backup."}]
    assert "secret-of-the-webhook" not in run.output
