# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the speed of the collection with other ways to do the same work, on simulated boxes: ``make bench``.

All variants run alternately, in one run on one machine. A missed goal is not a failure, because machines differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from . import table
from .rows import MEASURES

RESULTS = Path(__file__).with_name("results.md")
WORDS = """\
# How long it takes

Written by `make bench`, which starts simulated boxes and measures whole runs of `ansible-playbook`, start and end
included, by the clock on the wall: medians of {rounds}, which took turns. It took {minutes:.0f} min.

{machine}

{table}
- An object is a user, an alias or a DNS record (5 : 3 : 2). All sides speak TLS, verified, with the same box in the same
  state, from the same inventory, which declares the objects in YAML.
- An item of a loop: what a loop takes longer than one of a single item, by its other items.
- Memory is that of the largest process. Processor time is that of `ansible-playbook` and all that it starts.
- `uri` looks at an object with one request and compares it, and changes nothing; the modules would change it.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of so many runs, the median counts (3)")
    parser.add_argument(
        "only", nargs="*", help=f"of {', '.join(MEASURES)}; what it finds isn't written to {RESULTS.name}"
    )
    options = parser.parse_args()
    if not set(options.only) <= set(MEASURES):
        parser.error(f"there are {', '.join(MEASURES)}")

    machine, started, rows = table.machine(), perf_counter(), []
    for name, measure in MEASURES.items():
        if options.only and name not in options.only:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            rows += measure(Path(folder), options.rounds)
    reported = WORDS.format(
        rounds=options.rounds,
        machine=machine,
        minutes=(perf_counter() - started) / 60,
        table=table.markdown(rows),
    )
    print(reported)
    if not options.only:
        RESULTS.write_text(reported, encoding="utf-8")


if __name__ == "__main__":
    main()
