"""The stateful models of sharing and claims, at length: no sequence of faults leaves a wrong count."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.figures import Figure
from bench.targets import Ground
from scripts.stands.checkout import ROOT

RUN = "model"
SEQUENCES, QUICK_SEQUENCES = 10_000, 100
MODEL = "tests/test_shared_counts.py::TestFaults"


def model(on: Ground, quick: bool) -> Iterator[Figure]:
    """10,000 sequences of join, move, leave, kill, split, heal, wipe and loss: no divergence."""
    sequences = QUICK_SEQUENCES if quick else SEQUENCES
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", MODEL],
        cwd=ROOT,
        env={**os.environ, "FOOTFALL_TEST_SEQUENCES": str(sequences)},
        capture_output=True,
        text=True,
    )
    note = f"{sequences:,} sequences in {time.monotonic() - began:.0f} s"
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
    yield Figure(RUN, "models that diverged", float(done.returncode != 0), "", 0, True, note)
