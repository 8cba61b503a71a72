"""What the ledger asks of this app: what every charge was for (settings.LEDGER_VERIFICATIONS, run by
`manage.py verify_ledger`), and what open runs cost (settings.TOKENS_IN_PROGRESS).

Each check is one SQL statement, so that it holds while tokens move. No model is loaded.
"""

from collections.abc import Iterator

from django.db import connection
from django.utils import timezone

from billing.verify import Check, Failure, failures_of, run_check
from mlmodels.errors import ModelUnusable
from mlmodels.models import Dataset, TrainedModel, TrainingRun
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
RUNS = """
    SELECT id, CAST('run:' || {uuid} || ':charge' AS text) AS operation, owner_id, cost_tokens, status
    FROM mlmodels_trainingrun
"""
PREDICTIONS = """
    SELECT id, CAST('prediction:' || {uuid} AS text) AS operation, owner_id, cost_tokens
    FROM mlmodels_prediction
"""
CHARGE_CHECKS = [
    Check(
        "run_charges_are_cleared",
        "The charge of a training run has its price and owner, and is refunded exactly when it made nothing.",
        """
        WITH run AS MATERIALIZED ({runs})
        SELECT charge.account_id, charge.operation, charge.amount,
               run.owner_id, run.cost_tokens, run.status, refund.operation AS refunded_as
        FROM billing_ledgerentry AS charge
        LEFT JOIN run ON run.operation = charge.operation
        LEFT JOIN billing_ledgerentry AS refund ON refund.reverses_id = charge.id
        WHERE charge.kind = 'charge' AND charge.operation LIKE 'run:%'
          AND (
            run.operation IS NULL OR run.owner_id <> charge.account_id OR run.cost_tokens <> -charge.amount
            OR (run.status IN ('failed', 'cancelled')) <> (refund.id IS NOT NULL)
          )
        """,
    ),
    Check(
        "runs_are_charged",
        "Every training run that has a price was charged.",
        """
        WITH run AS MATERIALIZED ({runs})
        SELECT run.id AS run_id, run.operation, run.owner_id, run.cost_tokens, run.status
        FROM run
        LEFT JOIN billing_ledgerentry AS charge ON charge.operation = run.operation AND charge.kind = 'charge'
        WHERE run.cost_tokens > 0 AND charge.id IS NULL
        """,
    ),
    Check(
        "prediction_charges_have_their_result",
        "The charge of a prediction has its stored result, price and owner, and is never refunded.",
        """
        WITH prediction AS MATERIALIZED ({predictions})
        SELECT charge.account_id, charge.operation, charge.amount,
               prediction.owner_id, prediction.cost_tokens, refund.operation AS refunded_as
        FROM billing_ledgerentry AS charge
        LEFT JOIN prediction ON prediction.operation = charge.operation
        LEFT JOIN billing_ledgerentry AS refund ON refund.reverses_id = charge.id
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
        "Every charge is for a training run or a prediction.",
        """
        SELECT account_id, operation, amount FROM billing_ledgerentry
        WHERE kind = 'charge' AND operation NOT LIKE 'run:%:charge' AND operation NOT LIKE 'prediction:%'
        """,
    ),
]


def find_uncleared_charges() -> list[Failure]:
    return [failure for check in CHARGE_CHECKS for failure in run_check(check, **charged_rows())]


def charged_rows() -> dict[str, str]:
    """What stands for {runs} and {predictions} in the checks, in the SQL of this database."""
    uuid = UUID_AS_TEXT[connection.vendor]
    return {"runs": RUNS.format(uuid=uuid), "predictions": PREDICTIONS.format(uuid=uuid)}


def find_misplaced_files() -> list[Failure]:
    """Models whose file is missing, altered or not signed here, and files without a row."""
    failures = failures_of(
        "model_files",
        "Every model has its file, signed by this installation and unaltered.",
        _unusable_models(),
    )
    for owners, folder in ((TrainedModel, "models"), (Dataset, "datasets")):
        claim = f"Every file in {folder}/ belongs to a row."
        failures += failures_of("orphaned_files", claim, _orphaned_files(owners, folder))
    return failures


def tokens_in_progress(*, owner) -> dict:
    """The `tokens` paid for open runs, and how many `runs` those are."""
    return TrainingRun.objects.owned_by(owner).held_tokens()


def _unusable_models() -> Iterator[dict]:
    for model in TrainedModel.objects.defer("report", "features", "metrics", "baseline", "search").iterator():
        try:
            model_files.check_file(model)
        except ModelUnusable as refusal:
            if TrainedModel.objects.filter(pk=model.pk).exists():  # not deleted meanwhile
                yield {"model_id": model.pk, "file": model.file.name, "why": str(refusal)}


def _orphaned_files(owners, folder: str) -> Iterator[dict]:
    """Files that no row names, too old to belong to an upload or a deletion that is still under way."""
    storage = owners._meta.get_field("file").storage
    try:
        unknown = {f"{folder}/{name}" for name in storage.listdir(folder)[1]}
    except FileNotFoundError:
        return
    for known in owners.objects.values_list("file", flat=True).iterator():  # read after the files
        unknown.discard(known)
    for name in sorted(unknown):
        try:
            age = timezone.now() - storage.get_modified_time(name)
        except FileNotFoundError:  # removed meanwhile
            continue
        if age > 2 * pending_files.left_over_age():
            yield {"file": name}
