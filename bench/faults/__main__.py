"""`scripts/faults`: breaks Footfall in each way it must survive, and holds it against the ledger."""

import sys

from bench import suite

# One line for each fault: its function yields a figure with its goal for everything it looked at.
FAULTS: dict[str, suite.Run] = {}
QUICK = "seconds instead of minutes for each; fails where a count or a page view was wrong"


if __name__ == "__main__":
    sys.exit(suite.main("scripts/faults", __doc__ or "", QUICK, FAULTS, list(FAULTS)))
