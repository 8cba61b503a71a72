"""The bodies of responses: those of the classic endpoints as existing clients expect them.

The serializers describe these bodies in the OpenAPI schema; a test compares the two.
"""

from rest_framework import serializers

from mlmodels.api.examples import EXAMPLE_PREDICTION, EXAMPLE_RUN, SITE
from mlmodels.api.shapes import (
    ContributionsField,
    LabelField,
    MetricsField,
    ParametersField,
    ProbabilitiesField,
)
from mlmodels.models import Prediction, TrainedModel, TrainingRun
from mlplatform.core.api_schema import with_examples


@with_examples(
    answered={
        200: {
            "status": "success",
            "model_name": "2_houses",
            "metrics": {"r2_score": 0.97, "mean_squared_error": 41000000.0, "mean_absolute_error": 4900.0},
            "tokens_deducted": 1,
            "notes": [],
        }
    }
)
class CreatedSerializer(serializers.Serializer):
    status = serializers.CharField()
    model_name = serializers.CharField()
    metrics = MetricsField()
    tokens_deducted = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField(), help_text="what to know about the model")


@with_examples(
    answered={
        202: {
            "status": "accepted",
            "model_name": "2_houses",
            "run": EXAMPLE_RUN,
            "url": f"{SITE}/runs/{EXAMPLE_RUN}",
        }
    }
)
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
    parameters = ParametersField()
    metrics = MetricsField()
    baseline = MetricsField(help_text="the same metrics for guessing")
    notes = serializers.ListField(child=serializers.CharField(), help_text="what to know about the model")

    class Meta:
        model = TrainedModel
        fields = [
            "model_name", "model_type", "task", "feature_cols", "label_col", "parameters", "metrics",
            "baseline", "notes", "created_at",
        ]  # fmt: skip


class LastPredictedSerializer(serializers.Serializer):
    prediction = LabelField(help_text="a number, or a class as written in the dataset")


class IntervalSerializer(serializers.Serializer):
    level = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class WarningSerializer(serializers.Serializer):
    column = serializers.CharField()
    message = serializers.CharField()


@with_examples(
    answered={
        200: {
            "prediction": 305120.4,
            "status": "success",
            "tokens_deducted": 5,
            "interval": {"level": 0.9, "low": 296400.0, "high": 313900.0},
            "warnings": [],
        }
    }
)
class PredictedSerializer(LastPredictedSerializer):
    status = serializers.CharField()
    tokens_deducted = serializers.IntegerField()
    interval = IntervalSerializer(
        required=False, help_text="for regression: where the actual value probably lies"
    )
    probabilities = ProbabilitiesField(required=False, help_text="for classification, by class")
    warnings = WarningSerializer(many=True, help_text="values unlike those in the training data")


class DeletedSerializer(serializers.Serializer):
    status = serializers.CharField()
    message = serializers.CharField()


@with_examples(
    answered={
        200: {
            "message": "decision_tree is trained.",
            "best_params": {"max_depth": 4},
            "best_params_": {"max_depth": 4},
            "best_score": 0.95,
            "training_accuracy": 0.99,
            "model_name": "2_decision_tree_20270301_093000_123456",
        }
    }
)
class SearchedSerializer(serializers.Serializer):
    message = serializers.CharField()
    best_params = ParametersField()
    best_params_ = ParametersField(help_text="the same, under scikit-learn's name")
    best_score = serializers.FloatField(help_text="mean score over the folds of the cross-validation")
    training_accuracy = serializers.FloatField()
    model_name = serializers.CharField()


class SearchStatusSerializer(serializers.Serializer):
    is_trained = serializers.BooleanField()
    model_algorithm = serializers.CharField(allow_null=True)
    best_params = ParametersField(allow_null=True)
    training_accuracy = serializers.FloatField(allow_null=True)
    model_name = serializers.CharField(allow_null=True)


class AnswerSerializer(serializers.Serializer):
    """The prediction for one row, and how reliable it is."""

    id = serializers.UUIDField()
    prediction = LabelField(help_text="a number, or a class as written in the dataset")
    interval = IntervalSerializer(allow_null=True, help_text="for regression")
    probabilities = ProbabilitiesField(allow_null=True, help_text="for classification, by class")
    prediction_set = serializers.ListField(
        child=LabelField(), allow_null=True, help_text="the classes that cannot be ruled out"
    )
    warnings = WarningSerializer(many=True, help_text="values unlike those in the training data")


@with_examples(
    answered={
        200: {
            "predictions": [
                {
                    "id": EXAMPLE_PREDICTION,
                    "prediction": 305120.4,
                    "interval": {"level": 0.9, "low": 296400.0, "high": 313900.0},
                    "probabilities": None,
                    "prediction_set": None,
                    "warnings": [],
                }
            ],
            "tokens_deducted": 5,
        }
    }
)
class AnswersSerializer(serializers.Serializer):
    predictions = AnswerSerializer(many=True)
    tokens_deducted = serializers.IntegerField()


@with_examples(
    answered={
        200: {
            "id": EXAMPLE_PREDICTION,
            "prediction": 305000.0,
            "interval": {"level": 0.9, "low": 296400.0, "high": 313900.0},
            "probabilities": None,
            "prediction_set": None,
            "warnings": [],
            "base": 270000.0,
            "contributions": {"area": 15000.0, "district": 20000.0},
            "explained": 305000.0,
            "label": None,
            "tokens_deducted": 5,
        }
    }
)
class ExplainedSerializer(AnswerSerializer):
    base = serializers.FloatField(help_text="the prediction for a typical row")
    contributions = ContributionsField(
        help_text="what each column adds to `base`; the sum is `explained`",
    )
    explained = serializers.FloatField(help_text="the number, or the probability of the class `label`")
    label = LabelField(allow_null=True, help_text="the class that is explained")
    difference = serializers.FloatField(
        required=False, help_text="for a variation: `explained` minus that of the original prediction"
    )
    tokens_deducted = serializers.IntegerField()


class ExplanationSerializer(serializers.Serializer):
    """What each column adds to the prediction."""

    base = serializers.FloatField()
    prediction = serializers.FloatField()
    contributions = ContributionsField()
    label = LabelField(required=False)


class OutputSerializer(serializers.Serializer):
    """The prediction as it was stored."""

    prediction = LabelField()
    interval = IntervalSerializer(required=False)
    probabilities = ProbabilitiesField(required=False)
    prediction_set = serializers.ListField(child=LabelField(), required=False)
    warnings = WarningSerializer(many=True, required=False)
    explanation = ExplanationSerializer(required=False)


def created(run: TrainingRun, model: TrainedModel) -> dict:
    return {
        "status": "success",
        "model_name": model.name,
        "metrics": model.metrics,
        "tokens_deducted": run.cost_tokens,
        "notes": model.notes,
    }


def searched(model: TrainedModel) -> dict:
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


RELIABILITY = ("interval", "probabilities", "warnings")


def predicted(prediction: Prediction) -> dict:
    return {
        "status": "success",
        "prediction": prediction.output["prediction"],
        "tokens_deducted": prediction.cost_tokens,
        **{name: prediction.output[name] for name in RELIABILITY if name in prediction.output},
    }


def last_predicted(prediction: Prediction) -> dict:
    return {"prediction": prediction.output["prediction"]}


def answered(predictions: list[Prediction]) -> dict:
    return {
        "predictions": [{"id": str(sold.uuid), **answer_of(sold.output)} for sold in predictions],
        "tokens_deducted": sum(sold.cost_tokens for sold in predictions),
    }


def explained(prediction: Prediction) -> dict:
    answer = explanation_of(prediction.output)
    return {"id": str(prediction.uuid), **answer, "tokens_deducted": prediction.cost_tokens}


def varied(prediction: Prediction, variation: Prediction) -> dict:
    """With the id of the prediction that was paid for."""
    answer, difference = explanation_of(variation.output), variation.output["difference"]
    return {"id": str(prediction.uuid), **answer, "difference": difference, "tokens_deducted": 0}


def answer_of(output: dict) -> dict:
    """The same keys for numbers and classes."""
    optional = ("interval", "probabilities", "prediction_set")
    answer = {"prediction": output["prediction"], **{name: output.get(name) for name in optional}}
    return {**answer, "warnings": output["warnings"]}


def explanation_of(output: dict) -> dict:
    found = output["explanation"]
    return {
        **answer_of(output),
        "base": found["base"],
        "contributions": found["contributions"],
        "explained": found["prediction"],
        "label": found.get("label"),
    }
