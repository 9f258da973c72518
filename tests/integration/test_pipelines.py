# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines in examples/: a request, more pushes, drift, a refused merge, a new plan, and an applied merge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box import Box
from tests.box.prepare import prepare
from tests.forge import running
from tests.tasks import connection

from .pipelines import EXAMPLES, VAULT_PASSWORD, Ended, GitHub, GitLab, Site
from .playbooks import ROOT

COM, NET = "box.example.com", "box.example.net"
HOSTS = {COM: "v75", NET: "v60"}
DECLARED = (EXAMPLES / "host_vars" / f"{COM}.yml").read_text(encoding="utf-8")


@pytest.fixture
def boxes() -> Iterator[dict[str, Box]]:
    with Box("v75") as com, Box("v60") as net:
        found = {COM: com, NET: net}
        for host, box in found.items():
            prepare(box.state, json.loads((ROOT / "tools/demo_boxes" / f"{host}.json").read_text(encoding="utf-8")))
        yield found


@pytest.fixture
def site(boxes: dict[str, Box], tmp_path: Path) -> Iterator[Site]:
    hosts = {
        host: {"miab_" + option: value for option, value in connection(box).items()} for host, box in boxes.items()
    }
    with running() as forge:
        yield Site(tmp_path, forge, json.dumps({"boxes": {"hosts": hosts}}))


def writes(boxes: dict[str, Box]) -> list[str]:
    return [f"{host} {entry.path}" for host, box in boxes.items() for entry in box.log if entry.is_write]


def check_secrets(ended: dict[str, Ended]) -> None:
    for job in ended.values():
        assert VAULT_PASSWORD not in job.log
        assert "ann-new-password" not in job.log + job.summary


def test_github(site: Site, boxes: dict[str, Box]) -> None:
    hub, forge = GitHub(site), site.forge
    opened = hub.run("pull_request", head="a1", number="5", sha="f1")
    check_secrets(opened)
    assert list(opened) == ["validate", "plan", "comment"]
    assert not any(job.failed for job in opened.values()), opened
    assert "# Plan" in opened["plan"].summary
    # A mistake is shown on its line. A later push corrects it, which changes the plan and updates the comment.
    site.edits = {f"host_vars/{COM}.yml": DECLARED.replace("quota: 2G", "quota: 3G")}
    pushed = hub.run("pull_request", head="a2", number="5", sha="f2")
    assert not any(job.failed for job in pushed.values()), pushed
    (comment,) = forge.comments[5]
    assert "`1G` → `3G`" in comment["body"]
    assert "-e miab_plan=plan/plan.json" in comment["body"]
    assert not writes(boxes)

    boxes[COM].state.users["ann@example.org"].quota = "4G"
    forge.merges["m1"] = ("a2", 5)
    merged = hub.run("push", sha="m1")
    check_secrets(merged)
    assert list(merged) == ["apply"]
    assert merged["apply"].failed
    assert {one.partition(" ")[0] for one in writes(boxes)} == {NET}
    assert "user ann@example.org: approved: change (quota: 1G → 3G" in merged["apply"].log
    assert "now: change (quota: 4G → 3G" in merged["apply"].log
    assert "::error::The approved plan was not applied to every box." in merged["apply"].log
    assert "run this workflow by hand with the digest" in merged["apply"].summary
    assert "`4G` → `3G`" in merged["apply"].summary

    renewed = hub.run("pull_request", head="a3", number="6", sha="f3")
    assert not renewed["plan"].failed
    assert "`4G` → `3G`" in forge.comments[6][0]["body"]
    forge.merges["m2"] = ("a3", 6)
    applied = hub.run("push", sha="m2")
    assert not applied["apply"].failed, applied["apply"].log
    assert boxes[COM].state.users["ann@example.org"].quota == "3G"

    # Somebody changes the box. The nightly job detects it, and a maintainer approves its plan by the digest.
    boxes[NET].state.aliases["hand@example.net"] = boxes[NET].state.aliases["orders@example.net"]
    boxes[NET].state.aliases["hand@example.net"].address = "hand@example.net"
    before = len(writes(boxes))
    night = hub.run("schedule", sha="m2")
    assert list(night) == ["nightly"]
    assert night["nightly"].failed
    assert "hand@example.net" in night["nightly"].summary
    digest = json.loads((site.folder / "work/plan/plan.json").read_text(encoding="utf-8"))["digest"]
    wrong = hub.run("workflow_dispatch", sha="m2", digest=digest[:12])
    assert wrong["apply"].failed
    assert len(writes(boxes)) == before
    right = hub.run("workflow_dispatch", sha="m2", digest=digest)
    assert list(right) == ["apply"]
    assert not right["apply"].failed, right["apply"].log
    assert "hand@example.net" not in boxes[NET].state.aliases

    # A request from a fork gets no secrets. It is validated, and planned from the nightly snapshots.
    asked = sum(len(box.log) for box in boxes.values())
    site.edits = {f"host_vars/{COM}.yml": DECLARED.replace("quota: 2G", "quota: 5G")}
    forked = hub.run("pull_request", head="b1", number="7", sha="f4", repository="stranger/mail")
    assert list(forked) == ["validate"]
    assert not forked["validate"].failed, forked["validate"].log
    assert "made from snapshots" in forked["validate"].summary
    assert "`3G` → `5G`" in forked["validate"].summary
    assert 7 not in forge.comments
    assert sum(len(box.log) for box in boxes.values()) == asked
    # No plan was approved for it, so its merge applies nothing.
    forge.merges["m3"] = ("b1", 7)
    unplanned = hub.run("push", sha="m3")
    assert unplanned["apply"].failed
    assert "There is no plan for the commit b1" in unplanned["apply"].log
    assert sum(len(box.log) for box in boxes.values()) == asked
    assert not forge.refused


def test_gitlab(site: Site, boxes: dict[str, Box]) -> None:
    lab, forge = GitLab(site), site.forge
    request = {"CI_MERGE_REQUEST_IID": "5"}
    opened = lab.run("merge_request_event", "a1", **request)
    check_secrets(opened)
    assert list(opened) == ["validate", "plan"]
    assert not any(job.failed for job in opened.values()), opened
    site.edits = {f"host_vars/{COM}.yml": DECLARED.replace("quota: 2G", "quota: 3G")}
    assert not lab.run("merge_request_event", "a2", **request)["plan"].failed
    (note,) = forge.comments[5]
    assert "`1G` → `3G`" in note["body"]
    assert not writes(boxes)

    boxes[COM].state.users["ann@example.org"].quota = "4G"
    forge.merges["m1"] = ("a2", 5)
    merged = lab.run("push", "m1")
    check_secrets(merged)
    assert list(merged) == ["apply"]
    assert merged["apply"].failed
    assert {one.partition(" ")[0] for one in writes(boxes)} == {NET}
    assert "now: change (quota: 4G → 3G" in merged["apply"].log
    assert "run a pipeline of the main branch with the" in merged["apply"].log

    assert not lab.run("merge_request_event", "a3", CI_MERGE_REQUEST_IID="6")["plan"].failed
    forge.merges["m2"] = ("a3", 6)
    applied = lab.run("push", "m2")
    assert not applied["apply"].failed, applied["apply"].log
    assert boxes[COM].state.users["ann@example.org"].quota == "3G"

    night = lab.run("schedule", "m2")
    assert list(night) == ["nightly"]
    assert not night["nightly"].failed, night["nightly"].log
    site.edits = {f"host_vars/{COM}.yml": DECLARED.replace("quota: 2G", "quota: 5G")}
    forked = lab.run("merge_request_event", "b1", CI_MERGE_REQUEST_IID="7", CI_MERGE_REQUEST_SOURCE_PROJECT_ID="2")
    assert list(forked) == ["validate", "plan-of-fork"]
    assert not any(job.failed for job in forked.values()), forked
    assert "made from snapshots" in forked["plan-of-fork"].log
    assert "`3G` → `5G`" in forked["plan-of-fork"].log
    assert not forge.refused


def test_many_customers(newest_box: Box, tmp_path: Path) -> None:
    """The pipeline of the example for several customers: each has its part of the plan, and no file does more than it may."""
    box, hosts = newest_box, ("acme", "bolt", "cafe", "owner")
    options = {"miab_" + option: value for option, value in connection(box).items()}
    # Values of hosts count before those of groups.
    inventory = json.dumps({"boxes": {"hosts": dict.fromkeys(hosts, options)}})
    file = "customers/acme.yml"
    acme = (EXAMPLES / "many-customers" / file).read_text(encoding="utf-8")
    with running() as forge:
        site = Site(tmp_path, forge, inventory, "many-customers")
        hub = GitHub(site)
        site.edits = {file: acme.replace("sales@acme.example", "sales@bolt.example")}
        beyond = hub.run("pull_request", head="a1", number="5", sha="f1")
        assert beyond["validate"].failed
        assert "sales@bolt.example is outside the scope of this declaration" in beyond["validate"].log

        # What looks like a template or a variable is neither.
        record = "  - {name: t.acme.example, type: TXT, value: '{{ vault_miab_password }}'}\npurge"
        site.edits = {file: acme.replace("purge", record) + "miab_scope: [bolt.example]\n"}
        pushed = hub.run("pull_request", head="a2", number="5", sha="f2")
        check_secrets(pushed)
        assert not any(job.failed for job in pushed.values()), pushed
        (comment,) = forge.comments[5]
        parts = {part.partition("`")[0]: part for part in comment["body"].split("\n## `")[1:]}
        assert set(parts) == set(hosts)
        assert "ann@acme.example" in parts["acme"]
        assert not any("acme" in part for host, part in parts.items() if host != "acme")
        assert not [entry for entry in box.log if entry.is_write]

        forge.merges["m1"] = ("a2", 5)
        merged = hub.run("push", sha="m1")
        assert not merged["apply"].failed, merged["apply"].log
    texts = {record.qname: record.value for record in box.state.dns_records if record.rtype == "TXT"}
    assert texts == {"xn--caf-dma.example": "owner=zoe", "t.acme.example": "{{ vault_miab_password }}"}
    customers = {"ann@acme.example", "ben@shop.acme.example", "bob@bolt.example", "zoe@xn--caf-dma.example"}
    assert set(box.state.users) == {"me@box.example.com", *customers}
