"""Connections to DuckDB that reach nothing but the folders they are given: no network, no extension."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

# What is linked in suffices; nothing is ever fetched, whatever a question says.
CLOSED = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def open_duck(folders: Sequence[Path], spill: Path, memory: int, threads: int) -> duckdb.DuckDBPyConnection:
    """A database in memory that may read and write in `folders` only, and spill into `spill`.

    Its configuration is locked. Close it in the thread that opened it (duckdb issue 13904).
    """
    duck = duckdb.connect(
        ":memory:",
        config={
            **CLOSED,
            "memory_limit": f"{memory}B",
            "threads": str(threads),
            "temp_directory": str(spill),
        },
    )
    # In this order: what is allowed can be said only while everything is.
    duck.execute("SET allowed_directories = [" + ", ".join(literal(f"{folder}/") for folder in folders) + "]")
    duck.execute("SET parquet_metadata_cache = true")
    # Else it is drawn on standard error when a question takes over 2 s, in the middle of the log.
    duck.execute("SET enable_progress_bar = false")
    duck.execute("SET enable_external_access = false")
    duck.execute("SET lock_configuration = true")
    return duck


def literal(text: object) -> str:
    """A text of ours (a path, a date) as SQL writes it; what people say goes as a parameter instead."""
    return "'" + str(text).replace("'", "''") + "'"
