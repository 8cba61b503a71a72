"""How a database would carry out a query, when it has to avoid reading whole tables."""

from django.db import connection


def plan_of(sql: str) -> str:
    """The plan in words of the engine. PostgreSQL scans tables as small as those of tests unless told."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        else:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
