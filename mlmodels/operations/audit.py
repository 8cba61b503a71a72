"""What only this app can say about the ledger: was every charge worth a model, a prediction or a refund?

`manage.py verify_ledger` asks (settings.LEDGER_VERIFICATIONS). The questions are SQL of their own, one
statement each, so that they hold while tokens move. No model is loaded.
"""

from django.db import connection
from django.utils import timezone

from billing.verify import Check, Difference, differing_rows
from mlmodels.errors import ModelUnusable
from mlmodels.models import Dataset, TrainedModel
from mlmodels.operations import model_files, pending_files

# SQLite keeps a UUID without its dashes.
UUID_AS_TEXT = {
    "postgresql": "CAST(uuid AS text)",
    "sqlite": (
        "SUBSTR(uuid, 1, 8) || '-' || SUBSTR(uuid, 9, 4) || '-' || SUBSTR(uuid, 13, 4)"
        " || '-' || SUBSTR(uuid, 17, 4) || '-' || SUBSTR(uuid, 21)"
    ),
}

# Names are CAST to text, or SQLite would compare every charge with every row instead of making an index.
CHARGE_CHECKS = [
    Check(
        "run_charges_are_cleared",
        "The charge of a run has its price and owner, and is refunded exactly when no model came of it.",
        """
        WITH run AS MATERIALIZED (
            SELECT CAST('run:' || {uuid} || ':charge' AS text) AS operation, owner_id, cost_tokens, status
            FROM mlmodels_trainingrun
        )
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
        "Every run that has a price was charged.",
        """
        WITH run AS MATERIALIZED (
            SELECT id, CAST('run:' || {uuid} || ':charge' AS text) AS operation, owner_id, cost_tokens, status
            FROM mlmodels_trainingrun
        )
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
        WITH prediction AS MATERIALIZED (
            SELECT CAST('prediction:' || {uuid} AS text) AS operation, owner_id, cost_tokens
            FROM mlmodels_prediction
        )
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
        WITH prediction AS MATERIALIZED (
            SELECT id, CAST('prediction:' || {uuid} AS text) AS operation, owner_id, cost_tokens
            FROM mlmodels_prediction
        )
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
        "Every charge is for a run or a prediction.",
        """
        SELECT account_id, operation, amount FROM billing_ledgerentry
        WHERE kind = 'charge' AND operation NOT LIKE 'run:%:charge' AND operation NOT LIKE 'prediction:%'
        """,
    ),
]


def find_uncleared_charges() -> list[Difference]:
    uuid = UUID_AS_TEXT[connection.vendor]
    return [difference for check in CHARGE_CHECKS for difference in differing_rows(check, uuid=uuid)]


def find_files_out_of_place() -> list[Difference]:
    """Models whose file is missing, altered or not signed here, and files that no row knows."""
    return [
        *find_unusable_models(),
        *find_orphans(TrainedModel, "models"),
        *find_orphans(Dataset, "datasets"),
    ]


def find_unusable_models() -> list[Difference]:
    claim = "Every model has its file, signed by this installation and unaltered."
    unusable = []
    for model in TrainedModel.objects.defer("report", "features", "metrics", "baseline", "search").iterator():
        try:
            model_files.check_file(model)
        except ModelUnusable as refusal:
            if TrainedModel.objects.filter(pk=model.pk).exists():  # not deleted meanwhile
                row = {"model_id": model.pk, "file": model.file.name, "why": str(refusal)}
                unusable.append(Difference("model_files", claim, row))
    return unusable


def find_orphans(owners, folder: str) -> list[Difference]:
    """Files of `folder` that no row of `owners` names."""
    storage = owners._meta.get_field("file").storage
    try:
        names = [f"{folder}/{name}" for name in storage.listdir(folder)[1]]
    except FileNotFoundError:
        return []
    known = set(
        owners.objects.values_list("file", flat=True)
    )  # after the files, so that no new one is missed
    claim = f"Every file in {folder}/ belongs to a row."
    return [
        Difference("orphaned_files", claim, {"file": name})
        for name in names
        if name not in known and _is_old(storage, name)
    ]


def _is_old(storage, name: str) -> bool:
    """Until then a row may be on its way, or the sweep."""
    try:
        return timezone.now() - storage.get_modified_time(name) > 2 * pending_files.left_over_age()
    except FileNotFoundError:  # removed meanwhile
        return False
