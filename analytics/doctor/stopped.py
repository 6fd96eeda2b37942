"""Lets Django's settings load where nothing runs and nothing was ever started, so that this can be told."""

import os
from pathlib import Path

from analytics.configuration.env_file import read_env_file
from analytics.up.data_folder import DataFolder
from analytics.up.options import ROOT

# Names no server: the embedded Postgres has an address only while it runs.
NOWHERE = "postgres://nobody@%2Fnonexistent/footfall"


def prepare() -> None:
    """Set what settings refuse to be without; before Django reads them."""
    read_env_file(ROOT / ".env")
    data = DataFolder(Path(os.environ.get("FOOTFALL_DATA") or ROOT / "var"))
    if not os.environ.get("DATABASE_URL") and data.database_url() is None:
        os.environ["DATABASE_URL"] = NOWHERE
    if not os.environ.get("SECRET_KEY") and data.secret_key() is None:
        os.environ["SECRET_KEY"] = "signs nothing: only for manage.py doctor"  # noqa: S105
