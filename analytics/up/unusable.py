"""Why a database that answers is none for Footfall: each with the statement that helps."""

from django.db import connection

LOOK = """
SELECT current_database(), current_user, pg_encoding_to_char(encoding), current_schema(),
    pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean,
    coalesce(has_schema_privilege(current_schema(), 'USAGE')
        AND has_schema_privilege(current_schema(), 'CREATE'), false),
    (SELECT string_agg(DISTINCT tableowner, ', ') FROM pg_tables
     WHERE schemaname = current_schema() AND tablename = 'django_migrations'
     AND NOT pg_has_role(current_user, tableowner, 'USAGE'))
FROM pg_database WHERE datname = current_database()
"""


def problem() -> str | None:
    """What is wrong with the database of DATABASE_URL, in one sentence; None where nothing is."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK)
        name, role, encoding, schema, read_only, may_create, owner = cursor.fetchone()
        quote = connection.ops.quote_name
        database, user = quote(name), quote(role)
    if encoding != "UTF8":
        return (
            f"The database {database} of DATABASE_URL has the encoding {encoding}, which cannot hold what"
            " visitors send; make another:"
            f" CREATE DATABASE footfall ENCODING 'UTF8' TEMPLATE template0 OWNER {user};"
        )
    if read_only:
        return (
            f"The database {database} of DATABASE_URL takes no writes: it is a standby, or read-only. Name"
            f" the primary, or: ALTER DATABASE {database} RESET default_transaction_read_only;"
        )
    if schema is None:
        return (
            f"The database {database} of DATABASE_URL has no schema to put tables in; as its owner:"
            f" CREATE SCHEMA public AUTHORIZATION {user};"
        )
    if not may_create:
        return (
            f"The user {user} of DATABASE_URL may make no tables in {database}; as its owner:"
            f" GRANT USAGE, CREATE ON SCHEMA {quote(schema)} TO {user};"
        )
    if owner:
        return (
            f"The tables in {database} belong to {quote(owner)}, and the user {user} of DATABASE_URL cannot"
            f" bring them up to date; name that user, or: GRANT {quote(owner)} TO {user};"
        )
    return None
