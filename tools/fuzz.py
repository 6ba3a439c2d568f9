"""Damaged inputs of every kind through the readers of the product, in processes that may crash.

    python tools/fuzz.py                                  # 10,000 cases of all kinds
    python tools/fuzz.py --kind png --cases 500           # some kinds
    python tools/fuzz.py --kind png --seed 123 --case 45  # one case again, with the traceback of a finding

Each case must end in a result or in one clear error (a ScorehoiError): no other exception, no crash, no more
than 20 s of CPU, no more than 4 GB.  A case depends on kind, seed and number alone.  Columns: CPU ms and MB
of the worst case (MB beyond those before it); noisy = cases in which something was written to stderr.
Exit code 1 when there are findings.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from fuzz_kinds import FILES  # noqa: E402
from fuzz_messages import MESSAGES  # noqa: E402
from fuzz_run import Kind, Verdict, verdicts  # noqa: E402

from scorehoi_ros.threads import set_threads  # noqa: E402

NEEDS_ROS = () if find_spec("rclpy") else ("ros-params",)
KINDS = {kind.name: kind for kind in [*MESSAGES, *FILES] if kind.name not in NEEDS_ROS}


@dataclass
class Row:
    """What is known of one kind."""

    kind: str
    outcomes: Counter[str] = field(default_factory=Counter)
    noisy: int = 0
    ms: float = 0.0
    mb: float = 0.0
    findings: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self.outcomes[verdict.outcome] += 1
        self.noisy += bool(verdict.noise)
        self.ms, self.mb = max(self.ms, verdict.ms), max(self.mb, verdict.mb)
        if verdict.outcome == "finding":
            self.findings.append(verdict)


def fuzz(kinds: Iterable[Kind], seed: int, cases: int) -> Iterator[Row]:
    """The rows of some kinds, each with `cases` cases numbered from 0."""
    set_threads(1)  # processes are forked; a pool of threads would not come with them
    for kind in kinds:
        yield _row(kind, seed, range(cases))


def _row(kind: Kind, seed: int, cases: Sequence[int]) -> Row:
    kind.sound()  # made once, before the processes that use them
    row = Row(kind.name)
    for verdict in verdicts(kind, seed, cases):
        row.add(verdict)
    return row


HEAD = "kind              cases  results  errors  noisy  worst ms  worst MB  findings\n"


def summed(rows: Sequence[Row]) -> Row:
    """All kinds in one row."""
    whole = Row("all")
    for row in rows:
        whole.outcomes.update(row.outcomes)
        whole.noisy += row.noisy
        whole.ms, whole.mb = max(whole.ms, row.ms), max(whole.mb, row.mb)
    return whole


def line(row: Row) -> str:
    """A line of the table."""
    n = row.outcomes
    return (
        f"{row.kind:16} {n.total():6d} {n['result']:8d} {n['error']:7d} {row.noisy:6d} {row.ms:9.0f} "
        f"{row.mb:9.0f} {n['finding']:9d}\n"
    )


def found(rows: Sequence[Row], seed: int) -> str:
    """Each finding once, with how often it came and how to see it again."""
    lines = []
    for row in rows:
        counts = Counter(verdict.words[:60] for verdict in row.findings)
        for start, count in counts.items():
            first = next(v for v in row.findings if v.words.startswith(start))
            again = f"--kind {row.kind} --seed {seed} --case {first.case}"
            lines.append(f"{count} x {row.kind}: {first.words}\n    python tools/fuzz.py {again}\n")
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 0, or 1 when there are findings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kind", nargs="+", choices=sorted(KINDS), metavar="KIND", help=", ".join(sorted(KINDS))
    )
    parser.add_argument("--cases", type=int, default=10_000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only this one")
    args = parser.parse_args(arguments)
    kinds = [KINDS[name] for name in args.kind or KINDS]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        if args.case is not None:
            return _again(kinds, args.seed, args.case)
        rows = []
        sys.stdout.write(HEAD)
        for row in fuzz(kinds, args.seed, -(-args.cases // len(kinds))):
            rows.append(row)
            sys.stdout.write(line(row))
            sys.stdout.flush()
    sys.stdout.write(line(summed(rows)) + found(rows, args.seed))
    return int(any(row.findings for row in rows))


def _again(kinds: Sequence[Kind], seed: int, case: int) -> int:
    """Show how one case ends."""
    set_threads(1)
    ended = [verdict for kind in kinds for verdict in verdicts(kind, seed, [case])]
    for kind, v in zip(kinds, ended, strict=True):
        sys.stdout.write(
            f"{kind.name} {case}: {v.outcome}, {v.ms:.0f} ms, {v.mb:.0f} MB\n{v.words}\n{v.detail}\n"
        )
    return int(any(v.outcome == "finding" for v in ended))


if __name__ == "__main__":
    sys.exit(main())
