# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings of a first look at a box, and the next steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..module_utils._values.texts import printable

DOCUMENTATION = r"""
name: doctor
short_description: Summarize a first look at a Mail-in-a-Box
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Summarizes the results of M(mailinabox.admin.miab_info) for a box. Returns whether the box can be used, its version
    or fork, what works with it, what is wrong, and what to do next. The playbook C(mailinabox.admin.doctor) shows it.
positional: _input
options:
  _input:
    description:
      - The results of M(mailinabox.admin.miab_info), one for each subset, as a loop over subsets registers them. Can be
        empty if the login failed.
    type: list
    elements: dict
    required: true
  signed_in:
    description: The result of M(mailinabox.admin.miab_session), if you used it to sign in.
    type: dict
    default: {}
  name:
    description: The name of the box.
    type: str
    default: the box
seealso:
  - plugin: mailinabox.admin.problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the box, subset by subset
  mailinabox.admin.miab_info:
    gather_subset: "{{ item }}"
  loop: [box, users, dns_problems]
  failed_when: false
  register: box

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ (box.results | mailinabox.admin.doctor).report }}"
"""

RETURN = r"""
_value:
  description:
    - C(usable) - whether the box can be read.
    - C(findings) - each with C(check), C(text), and C(state), which is V(ok), V(warn) or V(fail).
    - C(next) - the next steps, in order.
    - C(report) - all of this as lines of text.
  type: dict
"""

# One-time codes change every 30 seconds, and a box also accepts the previous and the next code.
_MOST_SECONDS_OFF = 25
_LOOK_ALIKE = (
    "Check that host names a Mail-in-a-Box. Naust and other mail servers have another API and are not supported."
)
_HINTS = {
    "connection": "Check the name, the port and the certificate of the box, then run this playbook again.",
    "authentication": "Check the username and the password, then run this playbook again. A box bans an address that fails"
    " too often.",
    "invalid_option": "Correct the option, then run this playbook again.",
    "missing_library": "Install the library, then run this playbook again.",
    "unexpected_answer": _LOOK_ALIKE,
    "unsupported": _LOOK_ALIKE,
}


class _Finding(NamedTuple):
    check: str
    state: str
    text: str


class _Look:
    """The results of the reads, by subset."""

    def __init__(self, results: Sequence[Mapping[str, Any]]) -> None:
        self.results = {str(result.get("item")): result for result in results if not result.get("skipped")}
        self.failed = {name: result for name, result in self.results.items() if "failure" in result}

    def value(self, subset: str) -> Any:
        return self.results.get(subset, {}).get(subset)


def _failure(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    failure = result.get("failure")
    if failure is None and result.get("msg") and "session" not in result and "calls" not in result:
        # Ansible itself rejected the options.
        return {"code": "invalid_option", "message": str(result["msg"])}
    return failure if isinstance(failure, Mapping) else None


def _sign_in(failure: Mapping[str, Any] | None, look: _Look, signed_in: Mapping[str, Any]) -> Iterator[_Finding]:
    if failure is not None:
        check = "reachable" if failure["code"] == "connection" else "sign-in"
        yield _Finding(check, "fail", str(failure["message"]))
        return
    yield _Finding("reachable", "ok", "The box answers.")
    warnings = [str(one) for result in (signed_in, *look.results.values()) for one in result.get("warnings", ())]
    if any("validate_certs is false" in one for one in warnings):
        yield _Finding(
            "certificate", "warn", "The certificate of the box was not verified, because validate_certs is false."
        )
    else:
        yield _Finding("certificate", "ok", "The certificate of the box was verified.")
    yield _Finding("sign-in", "ok", "The credentials are those of an administrator.")


def _kind(box: Mapping[str, Any]) -> Iterator[_Finding]:
    name = "Mail-in-a-Box %s" % box["version"]
    marks = ", ".join(box["marks"])
    if box["support"] == "unknown":
        yield _Finding("version", "warn", "%s, unknown kind of box: it has %s." % (name, marks))
    elif box["kind"] == "upstream":
        yield _Finding("version", "ok", "%s. Everything works." % name)
    else:
        yield _Finding("version", "ok", "%s, the fork %s: it has %s." % (name, box["kind"], marks))
    for refused in box["refused"]:
        yield _Finding("support", "warn", "Refused there: %s. %s" % (refused["what"], refused["why"]))
    if box["support"] == "partial":
        yield _Finding("support", "ok", "Everything else works there.")


def _clock(offset: int | None) -> _Finding:
    if offset is None:
        return _Finding("clock", "ok", "The box does not report its time.")
    if abs(offset) > _MOST_SECONDS_OFF:
        text = "The clocks of the box and of this machine differ by %d seconds, so one-time codes don't work." % abs(
            offset
        )
        return _Finding("clock", "warn", text)
    return _Finding("clock", "ok", "The clocks of the box and of this machine agree.")


def _second_factors(users: Mapping[str, Sequence[Any]]) -> _Finding:
    number = sum(bool(schemes) for schemes in users.values())
    return _Finding("MFA", "ok", "%d of %d users sign in with a second factor." % (number, len(users)))


def _reads(look: _Look) -> Iterator[_Finding]:
    # A subset that the box can't return is null, with a warning.
    empty = [name for name, result in look.results.items() if name not in look.failed and result.get(name) is None]
    good = len(look.results) - len(look.failed) - len(empty)
    yield _Finding("reads", "ok", "%d of %d reads have the expected form." % (good, len(look.results)))
    for name, result in look.failed.items():
        yield _Finding("reads", "fail", "%s: %s" % (name, result["failure"]["message"]))
    for name in empty:
        why = " ".join(str(one) for one in look.results[name].get("warnings", ()) if "left empty" in str(one))
        yield _Finding("reads", "warn", why or "%s: not available from the box." % name)


def _records(rows: Sequence[Mapping[str, Any]] | None) -> Iterator[_Finding]:
    if rows is None:
        return
    if not rows:
        yield _Finding("DNS", "ok", "All custom records can be published.")
    for row in rows:
        harm = "takes its zone down" if row.get("breaks_zone", True) else "is not published"
        record = "%s %s %s" % (row["name"], row["type"], row["value"])
        yield _Finding("DNS", "warn", "%s %s: %s" % (record, harm, row["problem"]))


def _next_steps(
    failure: Mapping[str, Any] | None, look: _Look, box: Mapping[str, Any] | None, findings: Sequence[_Finding]
) -> Iterator[str]:
    if failure is not None:
        yield _HINTS.get(str(failure["code"]), "Correct what the message says, then run this playbook again.")
        return
    if look.failed:
        yield "Don't write to this box: its answers have an unknown form. Report them as an issue."
        return
    if any(finding.check == "DNS" and finding.state == "warn" for finding in findings):
        yield "Remove or correct the DNS records above with miab_dns_record or in the control panel."
    if any(finding.check == "clock" and finding.state == "warn" for finding in findings):
        yield "Set the clock of this machine, or that of the box, before you use one-time codes."
    if box is not None and box["support"] == "unknown":
        yield (
            "Only read this box, and report what is unknown as an issue."
            " To write to it anyway, set miab_unknown_box: write."
        )
    yield "Export the box as a declaration: ansible-playbook mailinabox.admin.export"
    yield "Edit the declaration and preview the changes: ansible-playbook mailinabox.admin.plan"


def doctor(
    results: Sequence[Mapping[str, Any]], signed_in: Mapping[str, Any] | None = None, name: str = "the box"
) -> dict[str, Any]:
    """The findings and the next steps."""
    look = _Look(results)
    failure = _failure(signed_in or {})
    if failure is None and look.results and len(look.failed) == len(look.results):
        # Nothing could be read; the reason is always the same.
        failure = next(iter(look.failed.values()))["failure"]
    findings = list(_sign_in(failure, look, signed_in or {}))
    box = look.value("box")
    if failure is None:
        if box is not None:
            findings += [*_kind(box), _clock(box["clock_offset"])]
        if look.value("mfa") is not None:
            findings.append(_second_factors(look.value("mfa")))
        findings += [*_reads(look), *_records(look.value("dns_problems"))]
    findings = [finding._replace(text=printable(finding.text)) for finding in findings]
    steps = list(_next_steps(failure, look, box, findings))
    report = [printable(str(name)) + ":"]
    report += ["%-4s %s: %s" % (finding.state, finding.check, finding.text) for finding in findings]
    report += ["next: %s" % step for step in steps]
    return {
        "usable": failure is None and not look.failed,
        "findings": [finding._asdict() for finding in findings],
        "next": steps,
        "report": report,
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"doctor": doctor}
