"""Starting training runs, and storing the model of a finished one. All else about runs is in `jobs`."""

from contextlib import suppress
from dataclasses import asdict

from django.conf import settings
from django.db import IntegrityError, transaction

from billing import idempotency as idempotency_keys
from billing import operations as billing
from mlmodels import errors
from mlmodels.learning.trainers import TrainingPlan, label_of
from mlmodels.limits import MODELS_MAX
from mlmodels.models import Dataset, TrainedModel, TrainingRun, add_owner
from mlmodels.operations import datasets, jobs, pending_files, plans
from mlmodels.operations.trained_models import free_name, is_name_taken, model_name_for, successor_name
from mlplatform.core.errors import DomainError, NotFound
from mlplatform.core.files import sha256_of
from mlplatform.core.origin import origin
from mlplatform.core.text import plural
from mlplatform.core.transactions import atomic_with_retry

TRAINING = "training "  # with the algorithm, the reason of a charge


def start_training(
    *,
    owner,
    dataset: Dataset,
    model_name: str = "",
    repeats: TrainedModel | None = None,
    idempotency: idempotency_keys.IdempotentRequest | None = None,
    **options,
) -> TrainingRun:
    """Charges the owner and queues the run, or refuses and leaves nothing behind.

    The new model is compared with the one that the run `repeats`. `options` are those of `plans.make_plan`.
    A request whose idempotency key was used before raises RequestRepeated, which names the earlier run.
    """
    if dataset.owner_id != owner.pk:
        raise NotFound("You have no such dataset.")
    checked = plans.make_plan(dataset, **options)
    plan = checked.plan
    run = TrainingRun(
        owner=owner,
        dataset=dataset,
        repeats=repeats,
        plan=plan.to_dict(),
        algorithm=plan.algorithm,
        task=plan.task,
        target=plan.target,
        features=[column.to_dict() for column in checked.features],
        target_column=checked.target.to_dict(),
        is_search=plan.is_classic and plan.grid is not None and repeats is None,
        model_name=model_name_for(owner=owner, algorithm=plan.algorithm, wanted=model_name),
        cost_tokens=settings.TRAINING_TOKEN_COST,
        origin=origin(),
    )
    return _enqueue(run, idempotency, is_unnamed=not model_name.strip() and not plan.is_classic)


def retrain(
    *,
    model: TrainedModel,
    dataset: Dataset | None = None,
    model_name: str = "",
    idempotency: idempotency_keys.IdempotentRequest | None = None,
) -> TrainingRun:
    """Trains as `model` was trained, on the newest version of its dataset or on another dataset like it.

    Charged like any training run; a column that is gone is refused before.
    """
    plan, dataset = plan_to_repeat(model=model, dataset=dataset)
    return start_training(
        owner=model.owner,
        dataset=dataset,
        model_name=model_name or successor_name(model),
        repeats=model,
        idempotency=idempotency,
        **plan,
    )


def plan_to_repeat(*, model: TrainedModel, dataset: Dataset | None = None) -> tuple[dict, Dataset]:
    """The options of `start_training` that repeat the plan of a model, and the dataset to train on."""
    if model.run is None:
        raise errors.NotReproducible(
            f'"{model}" was imported, or its training run was deleted, so its plan is not known here. '
            "Train a new model on a dataset instead."
        )
    plan = TrainingPlan.from_dict(model.run.plan)
    dataset = dataset or model.newest_dataset
    if dataset is None:
        raise errors.DatasetGone(
            f'Every version of the dataset that "{model}" was trained on is deleted. Choose a dataset with '
            f"the columns {', '.join(_columns_of(plan))[:1000]}, or upload one first.",
            field="dataset",
        )
    _refuse_missing_columns(plan, dataset)
    options = {
        "algorithm": plan.algorithm,
        "target": plan.target,
        "features": plan.feature_names,
        "task": plan.task,
        "parameters": plan.parameters,
        "evaluation": asdict(plan.evaluation),
        "grid": plan.grid,
        "search": plan.search,
        "budget_seconds": plan.budget_seconds,
        "learning_curve": plan.learning_curve,
        "is_classic": plan.is_classic,
    }
    return options, dataset


def datasets_to_repeat_on(*, model: TrainedModel) -> list[Dataset]:
    """Those of the owner, in their newest versions, that have every column of the plan of `model`."""
    if model.run is None:
        return []
    needed = set(_columns_of(TrainingPlan.from_dict(model.run.plan)))
    newest = Dataset.objects.owned_by(model.owner).newest_versions().for_lists().newest_first()
    return [dataset for dataset in newest if needed <= set(dataset.column_names)]


def _columns_of(plan: TrainingPlan) -> list[str]:
    """Features, target, and the column that the evaluation goes by, each once."""
    return list(dict.fromkeys([*plan.feature_names, plan.target, *filter(None, [plan.evaluation.by])]))


def _refuse_missing_columns(plan: TrainingPlan, dataset: Dataset) -> None:
    missing = [name for name in _columns_of(plan) if name not in dataset.column_names]
    if missing:
        raise errors.UnknownColumn(
            f"Version {dataset.version} of {dataset.name} has no column {', '.join(missing)[:300]}, with "
            "which the model was trained. Upload a version with it, or train a new model without it.",
            fields=dict.fromkeys(missing, "There is no such column in the newest version."),
        )


def replay_arguments(run: TrainingRun) -> dict:
    """What `training_table.train` takes to make the model of a run again, without a clock to end a search."""
    plan = {**run.plan, "candidates": run.trained_model.report.get("candidates", [])}
    return {
        "dialect": run.dataset.dialect,
        "features": run.features,
        "target": run.target_column,
        "plan": plan,
        "split_column": run.split_column,
    }


def train_on_upload(*, owner, upload, name: str, is_replaceable: bool = False, **options) -> TrainingRun:
    """Stores the file as a dataset called `name` and trains on it; `options` as in `start_training`.

    A file that the owner already has is not stored again: clients that send it with every request would fill
    their room with copies. If its columns were edited on a page it is: the same request has to give the same
    metrics. For `is_replaceable` see `create_dataset`.
    """
    same_file = Dataset.objects.owned_by(owner).filter(sha256=sha256_of(upload), sample="")
    if known := same_file.as_found().newest_first().first():
        return start_training(owner=owner, dataset=known, **options)
    dataset = datasets.create_dataset(owner=owner, name=name, upload=upload, is_replaceable=is_replaceable)
    return _train_on_new(dataset, options)


def train_on_sample(*, owner, sample: str, **options) -> TrainingRun:
    """Trains on the owner's copy of a sample dataset, which the first run on it creates."""
    if known := Dataset.objects.owned_by(owner).filter(sample=sample).first():
        return start_training(owner=owner, dataset=known, **options)
    return _train_on_new(datasets.add_sample(owner=owner, sample=sample), options)


@atomic_with_retry
def finish_run(*, run: TrainingRun, model: TrainedModel) -> bool:
    """Writes run and model together. False when the worker does not own the run: its file has to be deleted.

    A second call, after the answer to the first was lost, returns True again.
    """
    if not jobs.succeed(job=run, made_model_uuid=model.uuid):
        return TrainingRun.objects.filter(pk=run.pk, made_model_uuid=model.uuid).exists()
    model.pk = None  # set by an earlier try that was rolled back
    model.save(force_insert=True)
    is_kept = pending_files.confirm(name=model.file.name)
    transaction.set_rollback(not is_kept)
    return is_kept


def reason_in_words(reason: str) -> str:
    """The reason of a ledger entry of a run, with the label of the algorithm."""
    if not reason.startswith(TRAINING):
        return reason
    return f"training: {label_of(reason.removeprefix(TRAINING))}"


@atomic_with_retry
def _enqueue(run: TrainingRun, idempotency, *, is_unnamed: bool) -> TrainingRun:
    """Under the account's lock, so that two starts at once cannot both be the last one allowed.

    Nor do they get the same name, if they are unnamed.
    """
    billing.hold_account(user=run.owner)
    if is_unnamed:
        run.model_name = add_owner(free_name(run.dataset, run.algorithm), run.owner_id)
    idempotency_keys.claim(user=run.owner, request=idempotency, reference=run.reference)
    _refuse_too_many(run.owner)
    jobs.refuse_too_many_cancelled(owner=run.owner, kind=TrainingRun)
    # The lock keeps the dataset until the run that names it is committed
    if not Dataset.objects.select_for_update(no_key=True).filter(pk=run.dataset_id).exists():
        raise NotFound("This dataset was just deleted.")
    billing.charge(
        user=run.owner,
        amount=run.cost_tokens,
        reason=f"{TRAINING}{run.algorithm}",
        operation=run.charge_operation,
        reference=run.reference,
    )
    _insert(run)
    datasets.make_room(owner=run.owner)
    return run


def _refuse_too_many(owner) -> None:
    if TrainingRun.objects.owned_by(owner).open().count() >= settings.OPEN_RUNS_MAX:
        most = plural(settings.OPEN_RUNS_MAX, "training run")
        raise errors.TooManyOpenRuns(
            f"You already have {most} in progress. Wait for one to end, or cancel one."
        )
    if TrainedModel.objects.owned_by(owner).count() >= MODELS_MAX:
        raise errors.RoomExceeded(
            f"You have {MODELS_MAX} models, the most allowed. Delete one you no longer need."
        )


def _insert(run: TrainingRun) -> None:
    """An open run reserves its name by a constraint; models are checked once it is reserved."""
    try:
        with transaction.atomic():
            run.save(force_insert=True)
        is_taken = is_name_taken(run.model_name)
    except IntegrityError:
        is_taken = True
    if is_taken:
        raise errors.NameTaken(
            f'A model called "{run.model_name}" already exists. Choose another name.', field="model_name"
        )


def _train_on_new(dataset: Dataset, options: dict) -> TrainingRun:
    """A refused request leaves no dataset, unless another request of the same user uses it by now."""
    try:
        return start_training(owner=dataset.owner, dataset=dataset, **options)
    except DomainError:
        with suppress(errors.DatasetInUse, Dataset.DoesNotExist):
            datasets.delete_dataset(dataset=dataset)
        raise
