"""`scripts/faults`: breaks Footfall in each way it must survive, and holds it against the ledger."""

import sys

from bench import suite
from bench.faults.all_kill import all_kill
from bench.faults.backup import backup
from bench.faults.buffer_full import buffer_full
from bench.faults.chaos import SETTINGS, chaos
from bench.faults.clock import clock
from bench.faults.database_split import database_split
from bench.faults.disk_error import disk_error
from bench.faults.disk_full import disk_full
from bench.faults.edge_kill import edge_kill
from bench.faults.flood import flood, frame_flood
from bench.faults.fuzz import fuzz
from bench.faults.model import model
from bench.faults.moved import moved
from bench.faults.mutation import SETTINGS as MUTATION_SETTINGS
from bench.faults.mutation import mutation
from bench.faults.names import names
from bench.faults.nginx_reload import nginx_reload
from bench.faults.postgres_kill import postgres_hang, postgres_kill
from bench.faults.redis_kill import redis_kill
from bench.faults.replay import replay
from bench.faults.restart import restart
from bench.faults.rolling import rolling
from bench.faults.silent import silent
from bench.faults.slow_board import slow_board
from bench.faults.slow_network import slow_network
from bench.faults.soak import soak
from bench.faults.splits import netsplit
from bench.faults.storm import storm

# One line for each fault: its function yields a figure with its goal for everything it looked at.
FAULTS: dict[str, suite.Run] = {
    "edge-kill": edge_kill,
    "postgres-kill": postgres_kill,
    "postgres-hang": postgres_hang,
    "redis-kill": redis_kill,
    "all-kill": all_kill,
    "backup": backup,
    "replay": replay,
    "moved": moved,
    "restart": restart,
    "storm": storm,
    "nginx-reload": nginx_reload,
    "flood": flood,
    "frame-flood": frame_flood,
    "slow-board": slow_board,
    "names": names,
    "disk-full": disk_full,
    "disk-error": disk_error,
    "buffer-full": buffer_full,
    "clock": clock,
    "fuzz": fuzz,
    "soak": soak,
    "model": model,
    "silent": silent,
    "netsplit": netsplit,
    "database-split": database_split,
    "slow-network": slow_network,
    "rolling": rolling,
    "chaos": chaos,
    "mutation": mutation,
}
QUICK = "seconds instead of minutes for each; fails where a count or a page view was wrong"


if __name__ == "__main__":
    settings = SETTINGS | MUTATION_SETTINGS
    sys.exit(suite.main("scripts/faults", __doc__ or "", QUICK, FAULTS, list(FAULTS), settings=settings))
