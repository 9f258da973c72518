# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read tables of untrusted cells: CSV text as spreadsheets write it, or rows as data. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..module_utils._values.errors import Mistake

# The separators that spreadsheets use. The decimal sign of the user's language selects one.
_DELIMITERS = ",;\t"

_NO_CSV = "this is not CSV text (%s); save the table as CSV UTF-8"


class Row(NamedTuple):
    """One row.

    :ivar where: its name in messages, such as ``line 4``.
    :ivar cells: values by column, with :func:`column_key` of the name as the key.
    """

    where: str
    cells: Mapping[str, Any]


class Table(NamedTuple):
    """A table.

    :ivar columns: the names of the columns, as written.
    :ivar mistakes: rows that can't be read. They are not in ``rows``.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    mistakes: tuple[Mistake, ...]


def column_key(name: str) -> str:
    """A column's name in the form that is used for comparison: blanks around it and capitals don't matter."""
    return name.strip().casefold()


def read(data: str | Sequence[Any], delimiter: str = "") -> Table:
    """Read CSV text, or a list of dictionaries.

    :param delimiter: one character; empty to recognize it by the header.
    """
    return _from_text(_decoded(data), delimiter) if isinstance(data, str) else _from_rows(data)


def _decoded(text: str) -> str:
    """The text without a byte order mark.

    Ansible reads files as UTF-8 and keeps other bytes as surrogates. With its mark, UTF-16 can be recognized.
    """
    for mark, encoding in (("\udcff\udcfe", "utf-16-le"), ("\udcfe\udcff", "utf-16-be")):
        if text.startswith(mark):
            try:
                content = text.encode("utf-8", "surrogateescape")[2:]
            except UnicodeEncodeError:
                break
            # The lookup file removes a line break at the end, which can leave half a character.
            return content[: len(content) // 2 * 2].decode(encoding, "replace")
    return text.removeprefix("\ufeff")


def _from_text(text: str, delimiter: str) -> Table:
    first, _newline, rest = text.partition("\n")
    skipped = 0
    # Excel writes and reads such a line.
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        delimiter, text, skipped = delimiter or first.strip()[4], rest, 1
    delimiter = delimiter or _delimiter(text)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        return Table((), (), (Mistake("delimiter", "%.20r is not one character that separates cells" % delimiter),))
    lines = list(_lines(text, delimiter))
    if not lines:
        return Table((), (), (Mistake("line 1", "the table is empty; the first line needs the names of the columns"),))
    (at, header, error), *others = lines
    if "\0" in "".join(header):
        error = "it has NUL characters, as UTF-16 has"
    if error:
        return Table((), (), (Mistake("line %d" % (skipped + at), _NO_CSV % error),))
    mistakes = list(_repeated("line %d" % (skipped + at), header))
    rows = []
    for at, cells, error in others:
        where = "line %d" % (skipped + at)
        if error:
            mistakes.append(Mistake(where, "%s; check the quotes from here on" % error))
        elif len(cells) != len(header):
            why = "the number of cells is %d, but the header has %d; put a text with a separator in quotes"
            mistakes.append(Mistake(where, why % (len(cells), len(header))))
        else:
            rows.append(Row(where, dict(zip(map(column_key, header), cells, strict=True))))
    return Table(tuple(name.strip() for name in header), tuple(rows), tuple(mistakes))


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Each row that isn't empty: the number of its first line, its cells, and the error that ends the reading."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        at = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield at, [], str(error)
            return
        if any(cell.strip() for cell in cells):
            yield at, cells, ""


def _delimiter(text: str) -> str:
    """The delimiter that splits the header into the most cells."""

    def cells(delimiter: str) -> int:
        return len(next(_lines(text, delimiter), (0, [], ""))[1])

    return max(_DELIMITERS, key=cells)


def _repeated(where: str, header: Sequence[str]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for name in header:
        key = column_key(name)
        if key and key in seen:
            yield Mistake(where, "two columns have the name %.100r; rename one of them" % name.strip())
        seen.add(key)


def _from_rows(data: Sequence[Any]) -> Table:
    columns: dict[str, str] = {}
    rows, mistakes = [], []
    for number, row in enumerate(data, 1):
        where = "row %d" % number
        if not isinstance(row, Mapping):
            mistakes.append(Mistake(where, "it is not a dictionary with a value for each column"))
            continue
        cells: dict[str, Any] = {}
        for name, value in row.items():
            key = column_key(str(name))
            if key in cells:
                mistakes.append(Mistake(where, "two columns have the name %.100r; rename one of them" % str(name)))
            cells[key] = value
            columns.setdefault(key, str(name))
        rows.append(Row(where, cells))
    return Table(tuple(columns.values()), tuple(rows), tuple(mistakes))
