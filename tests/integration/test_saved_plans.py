# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved plans, snapshots and validation, by the playbooks that users run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box, CustomRecord, State
from tests.box.prepare import prepare
from tests.unit.test_approval import violations

from .playbooks import DOORS, Run
from .test_config import DECLARATION, STATE
from .test_playbooks import results, run, writes

SAME, DONE, DRIFTED, CONFLICT, LATE = (
    "same.example",
    "done.example",
    "drifted.example",
    "conflict.example",
    "late.example",
)
# A value on the box may look like a template.
JINJA = "{{ 191 * 7 }} {% raw %}"
HELD = {**STATE, "dns_records": [*STATE["dns_records"], {"qname": "x.example.org", "rtype": "TXT", "value": JINJA}]}


def variables(**more: Any) -> dict[str, Any]:
    return {"miab_" + name: value for name, value in {**DECLARATION, **more}.items()}


def on(boxes: dict[str, Box], **more: Any) -> dict[str, Any]:
    return {host.replace(".", "_"): variables(**more) for host in boxes}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def sent(box: Box) -> list[tuple[str, str]]:
    return [(entry.method, entry.path) for entry in writes(box)]


def approved(plan: dict[str, Any], host: str) -> list[tuple[str, str]]:
    box = next(box for box in plan["boxes"] if box["host"] == host)
    return sorted((call["method"], call["path"]) for change in box["changes"] for call in change["calls"])


@pytest.fixture
def boxes() -> Iterator[dict[str, Box]]:
    with ExitStack() as stack:
        found = {host: stack.enter_context(Box("v75")) for host in (SAME, DONE, DRIFTED, CONFLICT, LATE)}
        for box in found.values():
            prepare(box.state, HELD)
        yield found


def add_by_hand(state: State, value: str) -> None:
    state.dns_records.append(CustomRecord("hand.example.org", "TXT", value))


def results_by_host(done: Run) -> dict[str, dict[str, Any]]:
    return {one.host: one.result for one in done.outcomes if one.name.endswith("its declaration")}


def test_only_the_approved_plan_is_applied(boxes: dict[str, Box], tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    to_folder = ("-e", f"miab_plan_folder={folder}")
    planned = run("plan", boxes, tmp_path, *to_folder, **on(boxes))
    assert planned.status == 0, planned.output
    plan = read(folder / "plan.json")
    assert violations(plan) == []
    assert {box["version"] for box in plan["boxes"]} == {"v75"}
    assert {box["url"] for box in plan["boxes"]} == {box.url for box in boxes.values()}
    text = (folder / "plan.md").read_text(encoding="utf-8")
    assert f"\nDigest: `{plan['digest'][:12]}`\n" in text
    assert f"mailinabox.admin.apply -e miab_plan={folder}/plan.json\n" in text
    assert JINJA in json.dumps(plan, ensure_ascii=False)

    boxes[DONE].state.aliases.pop("stale@example.org")
    boxes[DONE].state.privacy = False
    add_by_hand(boxes[DRIFTED].state, JINJA)
    boxes[CONFLICT].state.users["ann@example.org"].quota = "3G"
    reads = {host: len(box.log) for host, box in boxes.items()}
    later = {**on(boxes), LATE.replace(".", "_"): variables(privacy=True)}
    applied = run("apply", boxes, tmp_path, "-e", f"miab_plan={folder / 'plan.json'}", *to_folder, **later)
    assert applied.status == 2, applied.output
    found = results_by_host(applied)
    for host in (SAME, DONE):
        assert not found[host].get("failed"), found[host]
        # The two values of a name can be sent in either order, as PUT and POST. Each write is one of the approved ones.
        assert set(sent(boxes[host])) <= set(approved(plan, host))
    assert sorted(sent(boxes[SAME])) == approved(plan, SAME)
    assert len(sent(boxes[DONE])) == len(approved(plan, DONE)) - 2
    assert found[DONE]["warnings"][:2] == [
        "system box was approved and is already done.",
        "alias stale@example.org was approved and is already done.",
    ]
    for host, difference in (
        (DRIFTED, "dns_record hand.example.org TXT: approved: nothing; now: remove (values: {{ 191 * 7 }} {% raw %})"),
        (
            CONFLICT,
            "user ann@example.org: approved: change (user_password: (not the declared one) → (as declared)); now: ",
        ),
        (
            LATE,
            "system box: approved: change (privacy: yes → no); now: nothing, because something else is declared",
        ),
    ):
        assert found[host]["failure"]["code"] == "plan_differs"
        assert difference in found[host]["msg"], found[host]["msg"]
        assert not sent(boxes[host])
        assert found[host]["msg"].splitlines()[0].endswith("Nothing was written. Differences: 1.")

    # The new plan is written beside the approved plan, which is unchanged.
    fresh = (folder / "plan.md").read_text(encoding="utf-8")
    assert read(folder / "plan.json") == plan
    assert f"The new plan is in {folder}/plan.md." in applied.output
    assert [line for line in fresh.splitlines() if line.startswith("## ")] == [
        f"## `{h}`" for h in sorted((CONFLICT, DRIFTED, LATE))
    ]
    # With a plan, apply reads as often as without one.
    with Box("v75") as other:
        prepare(other.state, HELD)
        assert run("apply", {SAME: other}, tmp_path, **on({SAME: other})).status == 0
        assert len(boxes[SAME].log) - reads[SAME] == len(other.log)


def fresh_digest(folder: Path) -> str:
    """The digest in the command of a new plan."""
    return (folder / "plan.md").read_text(encoding="utf-8").partition("miab_plan_digest=")[2].split()[0]


def test_a_digest_approves_a_plan_that_apply_makes_itself(boxes: dict[str, Box], tmp_path: Path) -> None:
    hosts = {host: boxes[host] for host in (SAME, DRIFTED)}
    assert run("plan", hosts, tmp_path, "-e", f"miab_plan_folder={tmp_path}", **on(hosts)).status == 0
    digest = read(tmp_path / "plan.json")["digest"]
    add_by_hand(boxes[DRIFTED].state, JINJA)
    wrong = run(
        "apply", hosts, tmp_path, "-e", f"miab_plan_folder={tmp_path}", "-e", f"miab_plan_digest={digest}", **on(hosts)
    )
    assert wrong.status == 2, wrong.output
    assert f"The plan has the digest {fresh_digest(tmp_path)}, and {digest} was approved." in " ".join(
        wrong.output.split()
    )
    assert {result["failure"]["code"] for result in results_by_host(wrong).values()} == {"plan_digest"}
    assert f"The new plan is in {tmp_path}/plan.md." in wrong.output
    assert not any(sent(box) for box in hosts.values())
    # The new plan shows its own digest.
    text = (tmp_path / "plan.md").read_text(encoding="utf-8")
    assert f"## `{SAME}`" in text
    fresh = fresh_digest(tmp_path)
    assert fresh != digest
    right = run("apply", hosts, tmp_path, "-e", f"miab_plan_digest={fresh}", **on(hosts))
    assert right.status == 0, right.output
    assert "hand.example.org" not in {record.qname for record in boxes[DRIFTED].state.dns_records}


def test_plans_that_no_box_gets(boxes: dict[str, Box], tmp_path: Path) -> None:
    chosen = {SAME: boxes[SAME], DONE: boxes[DONE]}
    folder = tmp_path / "plans"
    assert run("plan", {SAME: boxes[SAME]}, tmp_path, "-e", f"miab_plan_folder={folder}", **on(chosen)).status == 0
    whole = (folder / "plan.json").read_text(encoding="utf-8")
    for box in chosen.values():
        box.log.clear()
    (folder / "cut.json").write_text(whole[:300], encoding="utf-8")
    for name, code in (("cut.json", {"plan_invalid"}), ("plan.json", {"plan_expired", "plan_other_box"})):
        arguments = ("-e", f"miab_plan={folder / name}", "-e", "miab_plan_max_age=0m")
        done = run("apply", chosen, tmp_path, *arguments, **on(chosen))
        assert done.status == 2
        assert {result["failure"]["code"] for result in results_by_host(done).values()} == code
        assert not boxes[SAME].log
        assert not boxes[DONE].log
    missing = run("apply", chosen, tmp_path, "-e", f"miab_plan={folder / 'none.json'}", **on(chosen))
    assert missing.status == 2
    assert "none.json" in missing.output
    assert not boxes[SAME].log


def test_approved_plans_work_in_process_and_as_a_module(boxes: dict[str, Box], tmp_path: Path) -> None:
    hosts = {host: boxes[host] for host in (SAME, DRIFTED)}
    elsewhere = {host: {**facts, "ansible_connection": DOORS["module"]} for host, facts in on(hosts).items()}
    assert run("plan", hosts, tmp_path, "-e", f"miab_plan_folder={tmp_path}", **elsewhere).status == 0
    plan = read(tmp_path / "plan.json")
    add_by_hand(boxes[DRIFTED].state, JINJA)
    done = run("apply", hosts, tmp_path, "-e", f"miab_plan={tmp_path / 'plan.json'}", **elsewhere)
    found = results_by_host(done)
    assert not found[SAME].get("failed"), found[SAME]
    assert sorted(sent(boxes[SAME])) == approved(plan, SAME)
    assert found[DRIFTED]["failure"]["code"] == "plan_differs"
    assert not sent(boxes[DRIFTED])
    assert JINJA in found[DRIFTED]["msg"]


def test_a_plan_from_snapshots(boxes: dict[str, Box], tmp_path: Path) -> None:
    hosts = {host: boxes[host] for host in (SAME, DONE)}
    snapshots = ("-e", f"miab_snapshot_folder={tmp_path / 'snapshots'}")
    made = run("snapshot", hosts, tmp_path, *snapshots, **on(hosts))
    assert made.status == 0, made.output
    kept = (tmp_path / "snapshots" / f"{SAME}.json").read_text(encoding="utf-8")
    assert not [word for word in ("password", "adminpass123") if word in kept]
    online = run("plan", hosts, tmp_path, "-e", f"miab_plan_folder={tmp_path / 'online'}", **on(hosts))
    assert online.status == 0, online.output

    read_before = {host: len(box.log) for host, box in hosts.items()}
    secrets = {"password": "{{ nobody_knows }}", "username": "{{ nobody_knows }}", "totp_secret": "{{ nobody_knows }}"}
    forks = {
        host: {**facts, **{"miab_" + name: value for name, value in secrets.items()}}
        for host, facts in on(hosts).items()
    }
    folder = ("-e", f"miab_plan_folder={tmp_path / 'offline'}")
    offline = run("plan", hosts, tmp_path, *snapshots, *folder, **forks)
    assert offline.status == 0, offline.output
    assert read_before == {host: len(box.log) for host, box in hosts.items()}
    with_box, without = (read(tmp_path / name / "plan.json")["boxes"][0] for name in ("online", "offline"))
    assert violations(read(tmp_path / "offline" / "plan.json")) == []
    # Only the box itself knows whether a password is the declared one.
    assert without["unknown"] == ["user ann@example.org: user_password", "user bob@example.org: user_password"]
    assert [one for one in with_box["changes"] if one["key"] != "ann@example.org"] == without["changes"]
    text = (tmp_path / "offline" / "plan.md").read_text(encoding="utf-8")
    assert "> This plan was made from snapshots, not from the boxes. It can't be applied:" in text
    assert f"> - `{SAME}`: made at `{without['snapshot']['made_at']}`, just made" in text
    assert "> - `user ann@example.org: user_password`" in text

    # A snapshot of another box, a damaged one, and a plan that was made from one.
    (tmp_path / "snapshots" / f"{DONE}.json").write_text(kept, encoding="utf-8")
    (tmp_path / "snapshots" / f"{SAME}.json").write_text(kept[:-100], encoding="utf-8")
    wrong = run("plan", hosts, tmp_path, *snapshots, *folder, **forks)
    codes = {host: result["failure"]["code"] for host, result in results_by_host(wrong).items()}
    assert codes == {SAME: "plan_invalid", DONE: "plan_other_box"}


def test_validation_finds_all_mistakes_of_all_hosts(boxes: dict[str, Box], tmp_path: Path) -> None:
    hosts = {host: boxes[host] for host in (SAME, DONE, DRIFTED)}
    facts = on(hosts)
    for one in facts.values():
        one["miab_password"] = "{{ nobody_knows }}"
    facts["same_example"]["miab_users"] = [{"email": "ann@example"}, {"email": "bob@example.org", "quota": "2X"}]
    facts["done_example"]["miab_dns_records"] = [
        {"name": "www.example.org", "type": "CNAME", "value": "x.example.net"},
        {"name": "www.example.org", "type": "A", "value": "192.0.2.1"},
        {"name": "example.org", "type": "CNAME", "value": "x.example.net"},
    ]
    done = run("validate", hosts, tmp_path, environment={"GITHUB_ACTIONS": "true"}, **facts)
    assert done.status == 2, done.output
    assert not any(box.log for box in hosts.values())
    found = results_by_host(done)
    assert not found[DRIFTED].get("failed")
    mistakes = {host: found[host]["failure"]["details"]["mistakes"] for host in (SAME, DONE)}
    assert [one["option"] for one in mistakes[SAME]] == ["users[0].email", "users[1].quota"]
    assert [one["option"] for one in mistakes[DONE]] == ["dns_records[0].type", "dns_records[2].type"]
    if "origin" in mistakes[SAME][0]:
        # From ansible-core 2.19 on.
        line = (tmp_path / "inventory.yml").read_text(encoding="utf-8").splitlines().index(
            "      - email: ann@example"
        ) + 1
        assert mistakes[SAME][0]["origin"].endswith(f"inventory.yml:{line}:16")
        assert f"inventory.yml:{line}:16: users[0].email: 'ann@example': " in found[SAME]["msg"]
        commands = [text for text in done.output.splitlines() if text.startswith("::error file=")]
        assert len(commands) == 4
        assert f"inventory.yml,line={line},col=16::users[0].email: 'ann@example': " in "".join(commands)
    else:
        assert "users[0] ann@example: email: 'ann@example': " in found[SAME]["msg"]
    assert results(done, "with errors") != []
