# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine: version, updates, restart, privacy, status checks."""

from __future__ import annotations

from .. import names
from ..answers import Answer, BrokenError, Request, data, text
from ..certificates import Installed
from ..domains import served
from ..state import State
from .web import certificate_status

# Upgrades of these packages require a restart.
_NEEDS_REBOOT = ("linux-image", "libc6")
_RATINGS = {"success": "ok", "warning": "warning", "danger": "error"}


def version(state: State, request: Request) -> Answer:
    return text(state.version_text)


def upstream_version(state: State, request: Request) -> Answer:
    if not state.upstream_version:
        raise BrokenError("The project's site can't be reached.")
    return text(state.upstream_version)


def privacy(state: State, request: Request) -> Answer:
    return data(state.privacy)


def set_privacy(state: State, request: Request) -> Answer:
    """Any value other than "private" turns privacy off."""
    state.privacy = request.form.get("value") == "private"
    return text("OK")


def updates(state: State, request: Request) -> Answer:
    return text("".join(f"{package} ({new})\n" for package, new in sorted(state.updates.items())))


def update_packages(state: State, request: Request) -> Answer:
    packages = sorted(state.updates.items())
    lines = ["Reading package lists...", "Building dependency tree...", "Reading state information..."]
    if packages:
        lines += ["The following packages will be upgraded:", "  " + " ".join(package for package, _unused in packages)]
    lines.append(f"{len(packages)} upgraded, 0 newly installed, 0 to remove and 0 not upgraded.")
    lines += [f"Setting up {package} ({new}) ..." for package, new in packages]
    if any(package.startswith(_NEEDS_REBOOT) for package, _unused in packages):
        state.reboot_required = True
    state.updates = {}
    return text("\n".join(lines) + "\n")


def reboot_required(state: State, request: Request) -> Answer:
    return data(state.reboot_required)


def reboot(state: State, request: Request) -> Answer:
    if not state.reboot_required:
        return text("No reboot is required, so it is not allowed.")
    state.reboot()
    return text("")


def _item(kind: str, sentence: str, *more: str) -> dict[str, object]:
    return {"type": kind, "text": sentence, "extra": [{"text": line, "monospace": False} for line in more]}


def status(state: State, request: Request) -> Answer:
    """The status checks as in the control panel: headings with their results."""
    if state.status_checks is not None:
        return data(state.status_checks)
    found = [_item("heading", "System"), _item("ok", "All system services are running.")]
    if state.reboot_required:
        found.append(
            _item("error", f"System updates have been installed and a reboot of {state.hostname} is required.")
        )
    if state.updates:
        lines = [f"{package} ({new})" for package, new in sorted(state.updates.items())]
        found.append(_item("error", f"There are {len(lines)} software packages that can be updated.", *lines))
    else:
        found.append(_item("ok", "System software is up to date."))
    installed = Installed(state)
    domains = served(state)
    for domain in names.sort_domains({*domains.zones, *domains.web}, state.hostname):
        found.append(_item("heading", domain))
        if domain in state.dropped_zones():
            found.append(_item("error", "The nameserver does not answer for this domain."))
        elif domain in state.broken_zones():
            found.append(_item("error", "The zone of this domain could not be signed."))
        if domain not in domains.web:
            continue
        rating, sentence = certificate_status(state, installed, domain)
        found.append(_item(_RATINGS[rating], f"TLS (SSL) certificate: {sentence}"))
    return data(found)
