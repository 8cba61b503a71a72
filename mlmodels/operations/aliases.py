"""Promotion: another model answers under a name that programs already call. It can be reversed.

A name is either a model's own or an alias, never both. So the first promotion under a model's own name gives
that model a new name and turns the old one into an alias.
"""

from itertools import count

from billing import operations as billing
from mlmodels.errors import NameTaken, NotAReplacement
from mlmodels.models import ModelAlias, Promotion, TrainedModel, TrainingRun, add_owner
from mlmodels.operations.trained_models import clean_model_name, is_name_free
from mlplatform.core.errors import InvalidInput, NotFound
from mlplatform.core.transactions import atomic_with_retry

ALIASES_MAX = 100  # of one owner


@atomic_with_retry
def promote(*, model: TrainedModel, name: str) -> ModelAlias:
    """Lets `model` answer under `name`: an alias, the name of another model, or a free name.

    Refused if the model needs other columns or predicts something else than the current one, unless it has
    answered under the name before.
    """
    billing.lock_account(account_id=model.owner_id)
    model = _still_there(model)
    name = alias_name_for(owner_id=model.owner_id, wanted=name)
    if name == model.name:
        raise InvalidInput("This is the model's own name: it answers under it already.", field="alias")
    alias = ModelAlias.objects.filter(name=name).select_related("model").first()
    if alias is None:
        return _new_alias(model, name)
    if alias.model_id != model.pk:
        if not alias.promotions.filter(model=model).exists():
            _refuse_unlike(model, alias.model, name)
        alias.model = model
        alias.save(update_fields=["model"])
        _note(alias, model)
    return alias


@atomic_with_retry
def remove_alias(*, alias: ModelAlias) -> None:
    """The model stays; requests to the alias get a 404 from now on."""
    billing.lock_account(account_id=alias.owner_id)
    alias.delete()


def alias_name_for(*, owner_id: int, wanted: str) -> str:
    """With the owner's number in front, as all names of models have it."""
    start = add_owner("", owner_id)
    name = clean_model_name(wanted.removeprefix(start), field="alias")
    if not name:
        raise InvalidInput("Give the name under which the model is to answer.", field="alias")
    return add_owner(name, owner_id)


def _new_alias(model: TrainedModel, name: str) -> ModelAlias:
    if ModelAlias.objects.filter(owner=model.owner_id).count() >= ALIASES_MAX:
        raise NotAReplacement(f"You have {ALIASES_MAX} aliases, the most allowed. Remove one.")
    if TrainingRun.objects.open().filter(model_name=name).exists():
        raise NameTaken(f'A training run is making a model called "{name}". Wait for it.', field="alias")
    before = TrainedModel.objects.filter(name=name).first()
    if before:
        _refuse_unlike(model, before, name)
        before.name = _free_name(name)
        before.save(update_fields=["name"])
    alias = ModelAlias.objects.create(owner_id=model.owner_id, name=name, model=model)
    if before:
        _note(alias, before, promoted_at=before.created_at)
    _note(alias, model)
    return alias


def _refuse_unlike(model: TrainedModel, before: TrainedModel, name: str) -> None:
    """Programs send the columns of `before`, and expect its target."""
    if (model.target_name, model.task) != (before.target_name, before.task):
        raise NotAReplacement(
            f'"{model}" predicts {model.target_name}, and programs that call "{name}" expect '
            f"{before.target_name}. Promote it under another name."
        )
    if new := [column for column in model.feature_names if column not in before.feature_names]:
        raise NotAReplacement(
            f'"{model}" needs {", ".join(new)[:200]}, which programs that call "{name}" do not send. Promote '
            "it under another name."
        )


def _free_name(name: str) -> str:
    """name_v1, name_v2 and so on: the first that nothing has and no training run has reserved."""
    candidates = (f"{name}_v{number}" for number in count(1))
    return next(candidate for candidate in candidates if is_name_free(candidate))


def _note(alias: ModelAlias, model: TrainedModel, **fields) -> None:
    Promotion.objects.create(alias=alias, model=model, model_name=model.name, **fields)


def _still_there(model: TrainedModel) -> TrainedModel:
    found = TrainedModel.objects.filter(pk=model.pk).first()
    if found is None:
        raise NotFound("This model was just deleted.")
    return found
