"""The data folder of `scripts/run`: secret key, database address, lock; readable by its owner only."""

import fcntl
import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from analytics.up.errors import CannotStart

# What `tempfile` makes of a text that is being written.
HALF = re.compile(r"\.[a-z_]+-[a-z0-9_]{8}")


class DataFolder(NamedTuple):
    """Where one instance keeps what must outlive it (`--data`, `FOOTFALL_DATA`)."""

    path: Path

    def secret_key(self) -> str | None:
        """The key that `up` made and kept, or None."""
        return self.read("secret_key")

    def database_url(self) -> str | None:
        """The database's address, as the running `up` wrote it, or None."""
        return self.read("database_url")

    def url(self) -> str | None:
        """The address of the running (or else the last) `up`, such as `http://localhost:8000`, or None."""
        return self.read("url")

    def signals_socket(self) -> Path | None:
        """Where the running `up` gathers datapoints, or None."""
        folder = self.read("run_folder")
        path = Path(folder, "signals") if folder else None
        return path if path and path.is_socket() else None

    def read(self, name: str) -> str | None:
        """One kept text, or None where there is none or it is empty.

        Raises CannotStart where it cannot be read.
        """
        return _read(self.path / name)

    def write(self, name: str, text: str) -> None:
        """Keep a text, for the owner's eyes only; a crash leaves the old one or the new one, never half."""
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=f".{name}-")
        with os.fdopen(descriptor, "w") as file:
            self.give(descriptor)
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path / name)

    def give(self, file: int) -> None:
        """Let a file in it, opened by a command that root called, belong to whom the folder belongs to."""
        if os.geteuid() == 0:
            owner = self.path.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)

    def clear(self) -> None:
        """Delete what writers left that were killed; only for who holds the lock. Raises OSError."""
        for path in self.path.iterdir():
            if HALF.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def forget(self, name: str) -> None:
        """Delete a kept text."""
        (self.path / name).unlink(missing_ok=True)

    def make(self) -> None:
        """Make the folder, closed to everyone else.

        Raises CannotStart when this account may not.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.scandir(self.path).close()
        except (OSError, RuntimeError) as error:
            raise CannotStart(f"The data folder {self.path} cannot be used: {error}.") from None

    def lock(self) -> None:
        """Hold the folder until this process ends, however it ends.

        Raises CannotStart when another process holds it.
        """
        try:
            # Never closed: the kernel frees the lock with the process, so that no kill can leave it behind.
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.give(descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"Another Footfall runs on the data folder {self.path}: stop it, or choose another --data."
            ) from None
        except OSError as error:
            raise CannotStart(f"The data folder {self.path} cannot be used: {error}.") from None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CannotStart(f"{path} cannot be read by this account: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CannotStart(f"{path} is damaged: it is no text.") from None
