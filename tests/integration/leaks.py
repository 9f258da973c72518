# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search the output and the files of a run for secrets."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Shorter texts match by chance; for longer ones, a part is enough.
_LEAST_WORD = 8
_PART = 16
_SAMPLE_SECONDS = 0.25


def _in_base64(word: str) -> Iterator[str]:
    """The possible base64 forms of a word inside a longer text."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + word.encode()).decode()
        # The characters at both ends depend on the adjacent text.
        whole = (before + len(word)) // 3 * 4
        yield encoded[-(-before * 8 // 6) : whole]


def traces(secret: str) -> set[str]:
    """Search texts, in lower case: at least one of them occurs wherever the secret occurs.

    Quoting, escaping and printing change the punctuation of a secret, but not its words. Base64 changes the words, too.
    """
    words = {
        word[start : start + _PART]
        for word in re.findall("[A-Za-z0-9]+", secret)
        for start in range(0, len(word), _PART)
        if len(word[start : start + _PART]) >= _LEAST_WORD
    }
    if not words:
        raise ValueError("no word to look for in %r" % secret)
    return {trace.lower() for word in words for trace in (word, *_in_base64(word))}


@dataclass
class Search:
    """Texts by the place where they were found, and the secrets that must not occur in them."""

    secrets: Mapping[str, str]
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, text: str) -> None:
        self.texts[where] = text.lower()

    def add_files(self, folder: Path, but: Iterable[Path] = ()) -> None:
        """Add every file in a folder, except files into which the test itself has written secrets."""
        spared = set(but)
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path not in spared:
                self.add("file %s" % path.relative_to(folder), path.read_bytes().decode("utf-8", "replace"))

    def found(self) -> list[str]:
        """The found secrets, with their places."""
        looked_for = {name: traces(secret) for name, secret in self.secrets.items()}
        return [
            "%s in %s: …%s…" % (name, where, text[max(0, text.index(trace) - 150) : text.index(trace) + 60])
            for where, text in self.texts.items()
            for name, wanted in looked_for.items()
            for trace in [next((trace for trace in wanted if trace in text), None)]
            if trace is not None
        ]


class Processes:
    """Repeatedly reads the process information that every user of the machine can see.

    :ivar texts: command lines and environments, each once.
    """

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self._over = threading.Event()

    def look(self) -> None:
        for path in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    self.texts.add((path / name).read_bytes().decode("utf-8", "replace"))
                except OSError:
                    # The process has ended, or belongs to another user.
                    continue

    def watch(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            self.look()

    @contextmanager
    def watched(self) -> Iterator[None]:
        thread = threading.Thread(target=self.watch, name="process list", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
