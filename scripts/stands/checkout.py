"""Where this checkout lies: commands of stands run in it, and files of it are read by tests and benches."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
