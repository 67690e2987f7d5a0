"""`make faults-quality`: corrupt what each expectation guards, one after the other, and show that the night sees it.

Ends with 1 unless every expectation of the gates has a fault, is kept by the good company, and catches its fault with what
must follow: held, quarantined, or published with a warning, and the owner told. Names of suites or rules as arguments
prove only those.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.databases import started_server
from tests.faults.quality.company import GoodCompany, good_company
from tests.faults.quality.entries import Expectation, expectations, faults
from tests.faults.quality.proof import Proof, prove

from fupan.progress import Progress

#: Characters of a fault's SQL that the table shows.
SHOWN = 80


def main(chosen: Sequence[str]) -> int:
    """Prove all expectations, or the chosen ones; returns the exit code."""
    began = time.monotonic()
    wanted = [one for one in expectations() if not chosen or _names(one) & set(chosen)]
    if unknown := set(chosen).difference(*map(_names, wanted)):
        print(f"No rule or suite is named {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="fupan faults ") as folder, Progress() as progress:
        for setting in [name for name in os.environ if name.startswith("FUPAN_")]:
            del os.environ[setting]
        os.environ |= {"FUPAN_HOME": folder, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        progress.say("The reference company's first night …")
        with started_server(Path(folder) / "postgres") as server, good_company(server) as good:
            proofs = []
            for proof in _proofs(good, wanted):
                proofs.append(proof)
                progress.say(f"{len(proofs)} of {len(wanted)} faults judged")
    _print(proofs)
    for problem in good.amiss:
        print(f"Without any fault: {problem}")
    caught = sum(not proof.problems for proof in proofs)
    with_fault = sum(bool(proof.fault) for proof in proofs)
    print(
        f"{len(proofs)} expectations, {with_fault} faults, {caught} caught ({caught / len(proofs):.0%}) "
        f"in {time.monotonic() - began:.0f} s"
    )
    return 0 if caught == len(proofs) and not good.amiss else 1


def _names(expectation: Expectation) -> set[str]:
    return {expectation.rule, expectation.suite, expectation.suite.partition("/")[2]}


def _proofs(good: GoodCompany, wanted: Sequence[Expectation]) -> Iterator[Proof]:
    """Proofs in the order of the expectations, one process a core at work on them."""
    known = faults()
    given = [known.get(one.suite, {}).get(one.rule, []) for one in wanted]
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as processes:
        yield from processes.map(prove, [good] * len(wanted), wanted, given)


def _print(proofs: Sequence[Proof]) -> None:
    """One line a fault, below the name of its suite."""
    cells = [_cells(proof) for proof in proofs]
    headings = ("expectation", "fault", "caught", "verdict", "alerted")
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    print(_line(headings, widths))
    for suite, ones in itertools.groupby(zip(proofs, cells, strict=True), key=lambda pair: pair[0].expectation.suite):
        print(f"\n{suite}")
        for _, shown in ones:
            print(_line(shown, widths))
    print()
    for proof in proofs:
        if proof.problems:
            print(f"NOT CAUGHT {proof.expectation.rule}: {'; '.join(proof.problems)}")


def _cells(proof: Proof) -> tuple[str, ...]:
    fault = proof.fault if len(proof.fault) <= SHOWN else f"{proof.fault[: SHOWN - 1]}…"
    caught = "NO" if proof.problems else "yes"
    return proof.expectation.rule, fault, caught, _verdicts(proof), ", ".join(proof.alerted) or "nobody"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _verdicts(proof: Proof) -> str:
    by_verdict: dict[str, list[str]] = {}
    for dimension, verdict in proof.verdicts.items():
        by_verdict.setdefault(verdict.replace("_", " "), []).append(dimension)
    decided = [f"{verdict}: {', '.join(names)}" for verdict, names in by_verdict.items()]
    quarantined = ["rows quarantined"] if proof.expectation.on_fail == "quarantine" and not proof.problems else []
    return "; ".join([*decided, *quarantined]) or "no dimension depends on it"


if __name__ == "__main__":
    # Whoever ends it gets what Ctrl-C gets: the server goes too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
