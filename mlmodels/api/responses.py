"""The bodies that the classic endpoints return, as existing clients expect them.

The serializers describe these bodies in the OpenAPI schema; a test compares the two.
"""

from rest_framework import serializers

from mlmodels.models import Prediction, TrainedModel, TrainingRun


class CreatedSerializer(serializers.Serializer):
    status = serializers.CharField()
    model_name = serializers.CharField()
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    tokens_deducted = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField(), help_text="what to know about the model")


class AcceptedSerializer(serializers.Serializer):
    status = serializers.CharField()
    model_name = serializers.CharField()
    run = serializers.UUIDField()
    url = serializers.URLField(help_text="the training run")


class TrainedModelSerializer(serializers.ModelSerializer):
    model_name = serializers.CharField(source="name")
    model_type = serializers.CharField(source="algorithm")
    feature_cols = serializers.ListField(child=serializers.CharField(), source="feature_names")
    label_col = serializers.CharField(source="target_name")
    notes = serializers.ListField(child=serializers.CharField(), help_text="what to know about the model")

    class Meta:
        model = TrainedModel
        fields = [
            "model_name", "model_type", "task", "feature_cols", "label_col", "parameters", "metrics",
            "baseline", "notes", "created_at",
        ]  # fmt: skip


class LastPredictedSerializer(serializers.Serializer):
    prediction = serializers.JSONField(help_text="a number, or a class as written in the dataset")


class PredictedSerializer(LastPredictedSerializer):
    status = serializers.CharField()
    tokens_deducted = serializers.IntegerField()


class DeletedSerializer(serializers.Serializer):
    status = serializers.CharField()
    message = serializers.CharField()


class SearchedSerializer(serializers.Serializer):
    message = serializers.CharField()
    best_params = serializers.DictField()
    best_params_ = serializers.DictField(help_text="the same, under scikit-learn's name")
    best_score = serializers.FloatField(help_text="mean score over the folds of the cross-validation")
    training_accuracy = serializers.FloatField()
    model_name = serializers.CharField()


class SearchStatusSerializer(serializers.Serializer):
    is_trained = serializers.BooleanField()
    model_algorithm = serializers.CharField(allow_null=True)
    best_params = serializers.DictField(allow_null=True)
    training_accuracy = serializers.FloatField(allow_null=True)
    model_name = serializers.CharField(allow_null=True)


def created(run: TrainingRun, model: TrainedModel) -> dict:
    return {
        "status": "success",
        "model_name": model.name,
        "metrics": model.metrics,
        "tokens_deducted": run.cost_tokens,
        "notes": model.notes,
    }


def searched(run: TrainingRun, model: TrainedModel) -> dict:
    """`model.search` has best_params, best_score and training_accuracy."""
    return {
        "message": f"{model.algorithm} is trained.",
        **model.search,
        "best_params_": model.search["best_params"],
        "model_name": model.name,
    }


def accepted(run: TrainingRun, url: str) -> dict:
    return {"status": "accepted", "model_name": run.model_name, "run": str(run.uuid), "url": url}


def status_of(model: TrainedModel | None) -> dict:
    """`model` is the one that the user's last search made."""
    search = model.search if model else {}
    return {
        "is_trained": model is not None,
        "model_algorithm": model.algorithm if model else None,
        "best_params": search.get("best_params"),
        "training_accuracy": search.get("training_accuracy"),
        "model_name": model.name if model else None,
    }


def predicted(prediction: Prediction) -> dict:
    return {
        "status": "success",
        "prediction": prediction.output["prediction"],
        "tokens_deducted": prediction.cost_tokens,
    }


def last_predicted(prediction: Prediction) -> dict:
    return {"prediction": prediction.output["prediction"]}
