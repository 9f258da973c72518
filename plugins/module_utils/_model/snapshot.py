# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: the state of a box that planning needs, without secrets, as JSON for a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Dict, FrozenSet, Mapping

from .._values.errors import BoxError, InvalidPlan, PlanOfAnotherBox, PlanOfAnotherFormat, UnexpectedAnswer
from .._values.secrets import without_url_passwords
from . import forks, shape
from .approval import TIME
from .plan import Known, Read
from .reads import (
    ALIASES,
    BACKUP_CONFIG,
    DNS_DUMP,
    DNS_RECORDS,
    DNS_ZONES,
    PRIVACY,
    SECONDARY_NAMESERVERS,
    USERS,
    VERSION,
)

FORMAT = 1
"""The version of the format that this code reads and writes."""

_READS = (USERS, ALIASES, DNS_RECORDS, DNS_ZONES, DNS_DUMP, SECONDARY_NAMESERVERS, BACKUP_CONFIG, PRIVACY, VERSION)
# The fields of the answers that planning uses. All other fields are left out.
_FIELDS = {
    USERS.name: {"users", "email", "privileges", "status", "quota", "mailbox"},
    ALIASES.name: {"aliases", "address", "forwards_to", "permitted_senders", "auto", "required"},
    DNS_RECORDS.name: {"qname", "rtype", "value"},
    DNS_DUMP.name: {"qname", "rtype", "value", "explanation"},
    SECONDARY_NAMESERVERS.name: {"hostnames"},
    BACKUP_CONFIG.name: {"target", "min_age_in_days", "file_target_directory"},
}
_AGAIN = "Nothing was sent. Make a new snapshot with mailinabox.admin.snapshot."


def _kept(read: Read[Any]) -> Read[Any]:
    """A read whose value is a pair: the part of the answer that a snapshot stores, and the marks of a fork in it."""

    def parse(answer: Any) -> Any:
        # Raises an error for an answer with an unexpected format, so that the snapshot doesn't store it.
        read.parse(answer)
        return pruned(read, answer), forks.marks(read.name, answer)

    return replace(read, name="answer for " + read.name, parse=parse, optional=True)


READS: Mapping[str, Read[Any]] = {read.name: _kept(read) for read in _READS}
"""The reads for a snapshot, by the names of the reads that planners use."""


def pruned(read: Read[Any], answer: Any) -> Any:
    """The part of an answer that planning uses, without the key in a backup target."""
    fields = _FIELDS.get(read.name, set())

    def prune(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: prune(item) for key, item in value.items() if key in fields}
        if isinstance(value, list):
            return [prune(item) for item in value]
        return value

    kept = prune(answer)
    return without_url_passwords(kept) if read is BACKUP_CONFIG else kept


def contents(known: Known) -> Dict[str, Any]:
    """The snapshot of a box, without the time and the version of the collection."""
    kept = {name: known[read.name] for name, read in READS.items()}
    # If a read failed, it also fails when the snapshot is used.
    answers = {name: (None, frozenset()) if isinstance(pair, BoxError) else pair for name, pair in kept.items()}
    return {
        "format": FORMAT,
        "url": known["url"],
        "username": known["caller"],
        "marks": sorted({mark for _answer, marks in answers.values() for mark in marks}),
        "answers": {name: answer for name, (answer, _marks) in answers.items()},
    }


@dataclass(frozen=True)
class Snapshot:
    """The state of a box when the snapshot was made.

    :param username: the account that was signed in.
    :param marks: parts of the answers that show that the box is a fork.
    """

    url: str
    username: str
    made_at: str
    marks: FrozenSet[forks.Mark]
    answers: Mapping[str, Any]

    def answer(self, read: Read[Any]) -> Any:
        """Answer a read.

        :raises UnexpectedAnswer: if the read failed when the snapshot was made, or it is not in the snapshot.
        """
        answer = self.answers.get(read.name)
        if answer is None:
            raise UnexpectedAnswer(
                "The snapshot has no answer to %s %s, most likely because the request failed. %s"
                % (read.method, read.path, _AGAIN),
                status=500,
            )
        return read.parse(answer)


def read(text: Any, url: str) -> Snapshot:
    """Read a snapshot.

    :param text: the text of the file, or its decoded JSON.
    :param url: the URL of the box.
    :raises InvalidPlan: if it is not a snapshot, or has another format or box.
    """
    value = text
    if isinstance(text, (str, bytes)):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidPlan(
                "The snapshot can't be read: it is not JSON, or a part of it is missing (%.200s). %s" % (error, _AGAIN)
            ) from error
    if not isinstance(value, dict) or "format" not in value or "answers" not in value:
        raise InvalidPlan("The file is not a snapshot of mailinabox.admin. %s" % _AGAIN)
    if value["format"] != FORMAT or isinstance(value["format"], bool):
        raise PlanOfAnotherFormat(
            "The snapshot has the format %.50r, and this version of mailinabox.admin reads the format %d. %s"
            % (value["format"], FORMAT, _AGAIN)
        )
    try:
        found = Snapshot(
            shape.text(value, "url"),
            shape.text(value, "username"),
            shape.text(value, "made_at"),
            frozenset(forks.Mark(*shape.texts(mark)) for mark in shape.items(shape.part(value, "marks"))),
            shape.fields(value["answers"]),
        )
        datetime.strptime(found.made_at, TIME)
    except (TypeError, ValueError) as error:
        raise InvalidPlan(
            "The snapshot is damaged: something is missing or has another type than it should have (%s). %s"
            % (error, _AGAIN)
        ) from error
    if found.url != url:
        raise PlanOfAnotherBox(
            "The snapshot is of the box at %.300s, and this one is at %.300s. %s" % (found.url, url, _AGAIN),
            planned=found.url,
            found=url,
        )
    return found
