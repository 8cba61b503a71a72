"""The order in which training runs and batches are carried out."""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, models

from mlmodels.models.batches import Batch
from mlmodels.models.jobs import Job, Priority
from mlmodels.models.training_runs import TrainingRun

KINDS = (TrainingRun, Batch)
TURNS_COUNTED_MAX = 1_000


class OwnerPriority(models.Model):
    """Set by an administrator for all jobs of one user. A user without a row has the normal priority."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="queue_priority", primary_key=True
    )
    priority = models.SmallIntegerField(
        choices=[(priority, priority.label) for priority in (Priority.HIGH, Priority.LOW)],
        help_text="of all jobs of this user; it adds to the priority of each",
    )

    class Meta:
        verbose_name_plural = "owner priorities"
        ordering = ["-priority", "owner"]

    def __str__(self):
        return f"{self.owner}: {self.get_priority_display()}"


# In SQL, since the ORM would ask for the last turn of an owner once for each queued job
OF_A_KIND = {
    "waiting": """
        SELECT '{kind}' AS kind, owner_id, MAX(priority) AS priority, MIN(created_at) AS since,
               COUNT(*) AS jobs
        FROM {table} WHERE status = 'queued' GROUP BY owner_id
    """,
    "running": "SELECT owner_id FROM {table} WHERE status = 'running'",
    "last_turn": "SELECT MAX(started_at) AS started_at FROM {table} WHERE owner_id = waiting.owner_id",
}
IN_LINE = """
    SELECT kind, waiting.owner_id, waiting.jobs
    FROM ({waiting}) AS waiting
    LEFT JOIN mlmodels_ownerpriority AS of_owner ON of_owner.owner_id = waiting.owner_id
    LEFT JOIN (SELECT owner_id, COUNT(*) AS jobs FROM ({running}) AS job GROUP BY owner_id) AS running
        ON running.owner_id = waiting.owner_id
    ORDER BY waiting.priority + COALESCE(of_owner.priority, 0) DESC,
             COALESCE(running.jobs, 0),
             (SELECT MAX(started_at) FROM ({last_turn}) AS turn) NULLS FIRST,
             since, waiting.owner_id, kind
    LIMIT {count}
"""


@dataclass(frozen=True)
class Turn:
    """An owner whose jobs of one kind wait."""

    kind: type[Job]
    owner_id: int
    jobs: int


def next_in_line(count: int) -> list[Turn]:
    """The first turns in their order.

    The higher priority is first: that of the owner's foremost job plus the owner's own. Among equals the
    owner with the fewest running jobs is next, then who has waited longest since the last turn, then whose
    job has waited longest. Runs and batches count together.

    Indexes keep the cost proportional to the length of the queue, whatever the number of ended jobs.
    """
    of_all_kinds = {name: " UNION ALL ".join(_of_each_kind(query)) for name, query in OF_A_KIND.items()}
    with connection.cursor() as cursor:
        cursor.execute(IN_LINE.format(count=count, **of_all_kinds))
        kinds = {kind.kind: kind for kind in KINDS}
        return [Turn(kinds[name], owner_id, jobs) for name, owner_id, jobs in cursor.fetchall()]


def _of_each_kind(query: str) -> list[str]:
    return [query.format(kind=kind.kind, table=kind._meta.db_table) for kind in KINDS]


def place_in_line(job: Job) -> int:
    """1 is next: where a queued job stands, if until then none is added, cancelled or put ahead."""
    waiting = Counter()
    for turn in next_in_line(TURNS_COUNTED_MAX):
        waiting[turn.owner_id] += turn.jobs
    owners = list(waiting)
    own_jobs = {"owner": job.owner_id, "created_at__lte": job.created_at}
    rounds = max(1, sum(kind.objects.queued().filter(**own_jobs).count() for kind in KINDS))
    own_turn = owners.index(job.owner_id) if job.owner_id in waiting else 0
    before = (
        min(waiting[owner], rounds if turn < own_turn else rounds - 1)
        for turn, owner in enumerate(owners)
        if owner != job.owner_id
    )
    return sum(before) + rounds
