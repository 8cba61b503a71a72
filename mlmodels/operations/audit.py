"""What this app adds to the ledger: checks of what every charge was for (settings.LEDGER_VERIFICATIONS, run
by `manage.py verify_ledger`), and what open jobs cost (settings.TOKENS_IN_PROGRESS).

Each check is one SQL statement, so that its result is consistent while tokens move. No model is loaded.
"""

from collections.abc import Iterator

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from billing.verify import Check, Failure, failures_of, run_check
from mlmodels.errors import ModelUnusable
from mlmodels.models import KINDS, Batch, Dataset, Job, TrainedModel, TrainingRun, Upload
from mlmodels.operations import model_files, pending_files

# SQLite keeps a UUID without its dashes.
UUID_AS_TEXT = {
    "postgresql": "CAST(uuid AS text)",
    "sqlite": (
        "SUBSTR(uuid, 1, 8) || '-' || SUBSTR(uuid, 9, 4) || '-' || SUBSTR(uuid, 13, 4)"
        " || '-' || SUBSTR(uuid, 17, 4) || '-' || SUBSTR(uuid, 21)"
    ),
}

# Rows with the operation of their charge. Without the CAST to text, SQLite makes no index and compares every
# charge with every row.
JOBS = """
    SELECT id, CAST('{kind}:' || {uuid} || ':charge' AS text) AS operation, owner_id, cost_tokens, status
    FROM {table}
"""
PREDICTIONS = """
    SELECT id, CAST('prediction:' || {uuid} AS text) AS operation, owner_id, cost_tokens
    FROM mlmodels_prediction
"""
# In a query of its own, or SQLite would read the whole ledger for every charge: its statistics do not show
# that few entries have a `reverses_id`
REFUNDS = "SELECT id, operation, reverses_id FROM billing_ledgerentry WHERE reverses_id IS NOT NULL"


def checks_of_jobs(kind: type[Job]) -> list[Check]:
    """That what was charged for each job is cleared: by its result, or by a refund."""
    names = {"kind": kind.kind, "noun": kind._meta.verbose_name, "jobs": f"{{{kind.kind_plural}}}"}
    cleared = CHARGES_OF_JOBS_ARE_CLEARED.format(**names)
    charged = JOBS_ARE_CHARGED.format(**names)
    return [
        Check(
            f"{kind.kind}_charges_are_cleared",
            f"The charge of a {names['noun']} has its price and owner, and is refunded exactly when it made "
            "nothing.",
            cleared,
        ),
        Check(
            f"{kind.kind_plural}_are_charged", f"Every {names['noun']} that has a price was charged.", charged
        ),
    ]


CHARGES_OF_JOBS_ARE_CLEARED = """
    WITH job AS MATERIALIZED ({jobs}), refund AS MATERIALIZED ({{refunds}})
    SELECT charge.account_id, charge.operation, charge.amount,
           job.owner_id, job.cost_tokens, job.status, refund.operation AS refunded_as
    FROM billing_ledgerentry AS charge
    LEFT JOIN job ON job.operation = charge.operation
    LEFT JOIN refund ON refund.reverses_id = charge.id
    WHERE charge.kind = 'charge' AND charge.operation LIKE '{kind}:%'
      AND (
        job.operation IS NULL OR job.owner_id <> charge.account_id OR job.cost_tokens <> -charge.amount
        OR job.status = 'quoted' OR (job.status IN ('failed', 'cancelled')) <> (refund.id IS NOT NULL)
      )
"""
JOBS_ARE_CHARGED = """
    WITH job AS MATERIALIZED ({jobs})
    SELECT job.id AS {kind}_id, job.operation, job.owner_id, job.cost_tokens, job.status
    FROM job
    LEFT JOIN billing_ledgerentry AS charge ON charge.operation = job.operation AND charge.kind = 'charge'
    WHERE job.cost_tokens > 0 AND job.status <> 'quoted' AND charge.id IS NULL
"""
CHARGE_CHECKS = [
    *checks_of_jobs(TrainingRun),
    *checks_of_jobs(Batch),
    Check(
        "prediction_charges_have_their_result",
        "The charge of a prediction has its stored result, price and owner, and is never refunded.",
        """
        WITH prediction AS MATERIALIZED ({predictions}), refund AS MATERIALIZED ({refunds})
        SELECT charge.account_id, charge.operation, charge.amount,
               prediction.owner_id, prediction.cost_tokens, refund.operation AS refunded_as
        FROM billing_ledgerentry AS charge
        LEFT JOIN prediction ON prediction.operation = charge.operation
        LEFT JOIN refund ON refund.reverses_id = charge.id
        WHERE charge.kind = 'charge' AND charge.operation LIKE 'prediction:%'
          AND (
            prediction.operation IS NULL OR prediction.owner_id <> charge.account_id
            OR prediction.cost_tokens <> -charge.amount OR refund.id IS NOT NULL
          )
        """,
    ),
    Check(
        "predictions_are_charged",
        "Every prediction that has a price was charged.",
        """
        WITH prediction AS MATERIALIZED ({predictions})
        SELECT prediction.id AS prediction_id, prediction.operation, prediction.owner_id,
               prediction.cost_tokens
        FROM prediction
        LEFT JOIN billing_ledgerentry AS charge
            ON charge.operation = prediction.operation AND charge.kind = 'charge'
        WHERE prediction.cost_tokens > 0 AND charge.id IS NULL
        """,
    ),
    Check(
        "charges_are_for_something",
        "Every charge is for a training run, a batch or a prediction.",
        """
        SELECT account_id, operation, amount FROM billing_ledgerentry
        WHERE kind = 'charge' AND operation NOT LIKE 'run:%:charge' AND operation NOT LIKE 'batch:%:charge'
          AND operation NOT LIKE 'prediction:%'
        """,
    ),
]


FOLDERS = {
    "models": [(TrainedModel, "file")],
    "datasets": [(Dataset, "file"), (Upload, "file")],
    "batches": [(Batch, "file"), (Batch, "answer")],
}


def find_uncleared_charges() -> list[Failure]:
    return [failure for check in CHARGE_CHECKS for failure in run_check(check, **charged_rows())]


def charged_rows() -> dict[str, str]:
    """SQL for the placeholders of the checks, in the dialect of this database."""
    uuid = UUID_AS_TEXT[connection.vendor]
    kinds = {
        kind.kind_plural: JOBS.format(kind=kind.kind, uuid=uuid, table=kind._meta.db_table) for kind in KINDS
    }
    return {**kinds, "predictions": PREDICTIONS.format(uuid=uuid), "refunds": REFUNDS}


def find_misplaced_files() -> list[Failure]:
    """Models whose file is missing, altered or not signed here, and files without a row."""
    failures = failures_of(
        "model_files",
        "Every model has its file, signed by this installation and unaltered.",
        _unusable_models(),
    )
    for folder, named in FOLDERS.items():
        claim = f"Every file in {folder}/ belongs to a row."
        failures += failures_of("orphaned_files", claim, _orphaned_files(folder, named))
    return failures


def tokens_in_progress(*, owner) -> dict:
    """The `tokens` paid for open training runs and batches, and how many `runs` and `batches` those are."""
    runs, files = (kind.objects.owned_by(owner).held_tokens() for kind in (TrainingRun, Batch))
    return {"tokens": runs["tokens"] + files["tokens"], "runs": runs["count"], "batches": files["count"]}


def _unusable_models() -> Iterator[dict]:
    for model in TrainedModel.objects.defer("report", "features", "metrics", "baseline", "search").iterator():
        try:
            model_files.read_checked(model)
        except (ModelUnusable, OSError, SuspiciousFileOperation) as refusal:  # such as another user's file
            if TrainedModel.objects.filter(pk=model.pk).exists():  # not deleted meanwhile
                yield {"model_id": model.pk, "file": model.file.name, "why": str(refusal)}


def _orphaned_files(folder: str, named: list) -> Iterator[dict]:
    """Files that no row names, too old to belong to an upload or a deletion that is still under way."""
    try:
        unknown = {f"{folder}/{name}" for name in default_storage.listdir(folder)[1]}
    except FileNotFoundError:
        return
    for owners, field in named:  # read after the files
        for known in owners.objects.values_list(field, flat=True).iterator():
            unknown.discard(known)
    for name in sorted(unknown):
        try:
            age = timezone.now() - default_storage.get_modified_time(name)
        except FileNotFoundError:  # removed meanwhile
            continue
        if age > 2 * pending_files.left_over_age():
            yield {"file": name}
