"""Measures the time to verdict, and the session's record, and writes a page of each.

usage: make benchmark, or python -m benchmarks [FILE]

Everything happens on loopback. A healthy server is measured with nothing else going on; the faults
side by side, because most of them are waits. Takes two to four minutes; what a session's record
takes is measured after that, for one to three minutes more, into benchmarks/session_record.md.
The simulated return of a crowd to its server comes then, into benchmarks/reconnect.md; how soon a
fault is noticed and recovered from, in five to nine minutes, into benchmarks/recovery.md; and what
the plugin costs OctoPrint, in as many, into benchmarks/cost.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import cost, reconnect, recovery, session_record
from benchmarks.faults import FAULTS, Fault
from benchmarks.measure import Healthy, Timed, measure_fault, measure_healthy
from benchmarks.table import document
from tests.servers.certificates import Certificates

PAGE = Path(__file__).with_name("time_to_verdict.md")
ROUND_TRIPS_S = (0.0, 0.05, 0.2)
SIDE_BY_SIDE = 6
"""Rows at a time. The times are the runs' own, so that starting an interpreter does not count."""


def healthy(certificates: Certificates) -> Iterator[Healthy]:
    """A healthy server at each distance, plain and encrypted."""
    for encrypted in (False, True):
        for round_trip_s in ROUND_TRIPS_S:
            row = measure_healthy(certificates, encrypted, round_trip_s)
            print(row.line(), flush=True)
            yield row


def faults(certificates: Certificates) -> list[Timed]:
    """Each fault, several at a time, in the order of the table."""

    def one(fault: Fault) -> Timed:
        row = measure_fault(certificates, fault)
        print(row.line(), flush=True)
        return row

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(one, FAULTS))


def main() -> int:
    """Measure, print and write; ends with 1 where a cause was wrong, or memory too large."""
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        certificates = Certificates(Path(folder))
        near, broken = list(healthy(certificates)), faults(certificates)
    text = document(near, broken, SIDE_BY_SIDE, time.monotonic() - started)
    page.write_text(text, encoding="utf-8")
    print(f"\n{text}")
    right = all(row.is_right for row in near) and all(row.is_right for row in broken)
    small = session_record.write()
    reconnect.write()
    recovery.write()  # their pages say which targets are met: figures of a machine, no verdict
    cost.write()
    return 0 if right and small else 1


if __name__ == "__main__":
    sys.exit(main())
