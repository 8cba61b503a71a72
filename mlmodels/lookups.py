"""Finds what a request names among the user's own rows. Another owner's row is a 404, unless it is shared."""

from billing.purchases import Condition
from mlmodels.limits import REMEMBERED_MODELS_MAX
from mlmodels.models import (
    Batch,
    Dataset,
    ModelAlias,
    Prediction,
    TrainedModel,
    TrainingRun,
    Upload,
    Webhook,
    WebhookDelivery,
    add_owner,
    may_use_model,
)
from mlplatform.core.errors import InvalidInput, NotFound
from mlplatform.core.remembered import Remembered

remembered_models = Remembered(REMEMBERED_MODELS_MAX)


def owned_dataset(user, uuid):
    return _first(Dataset.objects.owned_by(user).with_uuid(uuid), "You have no such dataset.")


def owned_upload(user, uuid):
    return _first(Upload.objects.owned_by(user).with_uuid(uuid), "You have no such upload.")


def owned_run(user, uuid):
    runs = TrainingRun.objects.owned_by(user).select_related("dataset", "trained_model")
    return _first(runs.with_uuid(uuid), "You have no such training run.")


def owned_model(user, name):
    models = TrainedModel.objects.owned_by(user).select_related("dataset", "run")
    return _model(models.answering_to(name).first(), user, name)


def usable_model(user, name):
    """The user's own model, or one that is shared with the user, to read and to predict with."""
    models = TrainedModel.objects.usable_by(user).select_related("dataset", "run", "owner")
    return _model(models.answering_to(name).first(), user, name)


def usable_model_for_scoring(user, name):
    """Without the large fields: the first query of every prediction."""
    return _model(TrainedModel.objects.find_for_scoring(user, name), user, name)


def remembered_model(user, name) -> tuple[TrainedModel, Condition]:
    """`usable_model_for_scoring`, cached in this process.

    A purchase has to verify the condition: whether the name still leads to the same model.
    """
    found = remembered_models.get((user.pk, name))
    if found is None:
        model = usable_model_for_scoring(user, name)
        found = model, Condition(*TrainedModel.objects.still_found(user, name, model))
        remembered_models[user.pk, name] = found
    return found


def forget_model(user, name) -> None:
    remembered_models.pop((user.pk, name), None)


def owned_alias(user, name):
    aliases = ModelAlias.objects.filter(owner=user).select_related("model")
    return _first(aliases.filter(name=name), f'You have no alias called "{name}".')


def owned_batch(user, uuid):
    batches = Batch.objects.owned_by(user).select_related("model")
    batches = batches.annotate(may_use_model=may_use_model(user))
    return _first(batches.with_uuid(uuid), "You have no such batch.")


def owned_prediction(user, uuid):
    predictions = Prediction.objects.owned_by(user).stored().select_related("model")
    predictions = predictions.annotate(may_use_model=may_use_model(user))
    return _first(predictions.with_uuid(uuid), "You have no such prediction.")


def owned_webhook(user, uuid):
    return _first(Webhook.objects.owned_by(user).with_uuid(uuid), "You have no such webhook.")


def owned_delivery(user, webhook_uuid, uuid):
    deliveries = WebhookDelivery.objects.filter(webhook=owned_webhook(user, webhook_uuid), uuid=uuid)
    return _first(deliveries, "There is no such delivery.")


def dataset_called(user, name):
    """A dataset by its id, or the newest of that name."""
    dataset = Dataset.objects.owned_by(user).called(name).newest_first().first()
    if dataset is None:
        raise InvalidInput(f'You have no dataset called "{name}".', field="dataset")
    return dataset


def _first(rows, message):
    row = rows.first()
    if row is None:
        raise NotFound(message)
    return row


def _model(found, user, name):
    if found is None:
        full = add_owner(name, user.pk)
        is_short = TrainedModel.objects.owned_by(user).answering_to(full).exists()
        hint = f' Its full name is "{full}".' if is_short else ""
        raise NotFound(f'You have no model called "{name}".{hint}')
    return found
