"""The benchmark suite: load of our own, a ledger that knows the truth, and baselines in the same run."""
