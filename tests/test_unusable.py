"""A database that answers and is none for Footfall is refused at start, with the statement that helps."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from scripts.stands.checkout import ROOT

CHECK = """
import sys, django
django.setup()
from analytics.up import first_start
from analytics.up.errors import CannotStart
try:
    first_start.check_server()
except CannotStart as problem:
    print(problem)
"""
ROLE, OWNER = "footfall_weak", "footfall_owner"


@contextmanager
def server() -> Iterator[psycopg.Connection]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def url(database: str, role: str | None = None) -> str:
    """The address of another database on the session's server, for its owner or another role."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    user, _, host = parts.netloc.rpartition("@")
    return f"postgres://{f'{role}:{role}' if role else user}@{host}/{quote(database)}"


def said(address: str) -> str:
    """What a start says of this database; "" where it takes it."""
    environment = {**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "analytics.settings"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module", autouse=True)
def databases() -> Iterator[None]:
    with server() as connection:
        for role in (ROLE, OWNER):
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        connection.execute("CREATE DATABASE footfall_latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        connection.execute("CREATE DATABASE footfall_rights TEMPLATE template0 ENCODING 'UTF8'")
        yield
        for name in ("footfall_latin", "footfall_rights"):
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for role in (ROLE, OWNER):
            connection.execute(f"DROP ROLE {role}")


def test_an_encoding_that_cannot_hold_everything_is_refused() -> None:
    answer = said(url("footfall_latin"))
    assert 'The database "footfall_latin" of DATABASE_URL has the encoding LATIN1' in answer
    assert "CREATE DATABASE footfall ENCODING 'UTF8' TEMPLATE template0 OWNER " in answer


def test_missing_rights_are_named_and_what_is_said_helps() -> None:
    address = url("footfall_rights", ROLE)
    answer = said(address)
    assert f'The user "{ROLE}" of DATABASE_URL may make no tables in "footfall_rights"' in answer
    statement = answer.partition("as its owner: ")[2]
    assert statement == f'GRANT USAGE, CREATE ON SCHEMA "public" TO "{ROLE}";'
    with psycopg.connect(url("footfall_rights"), autocommit=True) as owner:
        owner.execute(statement.encode())
        assert said(address) == ""
        owner.execute("DROP SCHEMA public CASCADE")
        assert "CREATE SCHEMA public AUTHORIZATION" in said(address)
        owner.execute(f"CREATE SCHEMA public AUTHORIZATION {ROLE}".encode())
        assert said(address) == ""


def test_tables_of_somebody_else_and_a_database_that_takes_no_writes_are_told() -> None:
    with psycopg.connect(url("footfall_rights"), autocommit=True) as connection:
        connection.execute("CREATE TABLE public.django_migrations (id int)")
        connection.execute(f"ALTER TABLE public.django_migrations OWNER TO {OWNER}".encode())
        answer = said(url("footfall_rights", ROLE))
        assert f'The tables in "footfall_rights" belong to "{OWNER}"' in answer
        connection.execute(f"GRANT {OWNER} TO {ROLE}".encode())
        assert said(url("footfall_rights", ROLE)) == ""
        connection.execute("ALTER DATABASE footfall_rights SET default_transaction_read_only = on")
    assert "takes no writes" in said(url("footfall_rights", ROLE))


def test_a_password_that_is_wrong_is_a_sentence_without_it() -> None:
    answer = said(url("footfall_rights", ROLE).replace(f":{ROLE}@", ":hunter2hunter2@"))
    assert answer.startswith("The Postgres of DATABASE_URL does not answer: ")
    assert "hunter2" not in answer


def refused(*words: str, **settings: str) -> str:
    """What a command says that must not come to anything, in its one line."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "analytics.settings", **settings}
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def test_commands_say_in_a_sentence_what_keeps_them_from_the_database(tmp_path: Path) -> None:
    away = url("footfall_rights").replace("/footfall_rights", "/nosuchdatabase")
    assert refused("addsite", "a.example", DATABASE_URL=away).startswith("Postgres does not answer: ")
    lacking = refused("addsite", "a.example", DATABASE_URL=url("footfall_rights"))
    assert lacking.startswith("The database lacks tables of this version")
    assert "run manage.py migrate" in lacking
    (tmp_path / "secret_key").mkdir()
    closed = refused("addsite", "a.example", SECRET_KEY="", FOOTFALL_DATA=str(tmp_path))
    assert closed == f"{tmp_path}/secret_key cannot be read by this account: Is a directory."
    (tmp_path / "secret_key").rmdir()
    (tmp_path / "secret_key").write_text("short")
    weak = refused("addsite", "a.example", SECRET_KEY="", FOOTFALL_DATA=str(tmp_path))
    assert weak.startswith(f"The key in {tmp_path}/secret_key has 5 characters")
