"""How a database would carry out a query, when it has to avoid reading whole tables."""

from django.db import connection


def plan_of(sql: str) -> str:
    """The plan in words of the engine.

    PostgreSQL has statistics of the moment, and neither scans tables nor sorts the rows of a bitmap, which at
    the size of tests are cheaper than the index in order.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        else:
            cursor.execute("ANALYZE")
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
