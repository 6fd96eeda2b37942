"""`scripts/bench`: Footfall beside its baselines, with a goal for each figure (docs/performance.md)."""

import sys

from bench import (
    runs_board,
    runs_history,
    runs_hold,
    runs_ingest,
    runs_load,
    runs_profile,
    runs_reads,
    runs_signals,
    runs_start,
    suite,
)

RUNS: dict[str, suite.Run] = {
    "loads": runs_load.loads,
    "memory": runs_hold.memory,
    "states": runs_hold.states,
    "hold": runs_hold.hold,
    "board": runs_board.board,
    "boards": runs_reads.boards,
    "filters": runs_reads.filters,
    "start": runs_start.start,
    "signals": runs_signals.signals,
    "ingest": runs_ingest.ingest,
    "history": runs_history.history,
    "profile": runs_profile.profile,
}
UNASKED = [name for name in RUNS if name != "profile"]
# Nothing of the others' counts as a regression but a board that is cut; `--quick NAME` runs them.
UNASKED_QUICK = ["loads", "memory", "states", "hold", "start"]
SETTINGS = {"--views": (runs_history.VIEWS, "history: so many page views (10 million)")}
QUICK = "within 3 minutes, fails where a ratio regressed"


if __name__ == "__main__":
    sys.exit(suite.main("scripts/bench", __doc__ or "", QUICK, RUNS, UNASKED, UNASKED_QUICK, SETTINGS))
