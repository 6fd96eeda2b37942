"""One generator process: `python -m bench.generator PLAN`; prints `full` and, at its end, its Outcome."""

import resource
import sys

from bench.modes import MODES
from bench.plan import Plan


def main() -> None:
    plan = Plan.read(sys.argv[1])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(MODES[plan.mode](plan).run().text(), flush=True)


if __name__ == "__main__":
    main()
