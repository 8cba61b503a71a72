"""What is stored as JSON with datasets and training runs, as the OpenAPI schema describes it.

None of these serializers reads or writes anything: `StoredJSON` answers what is stored. A test compares.
"""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mlmodels.api.serializers import ROW, JSONObjectField
from mlmodels.learning.tables.columns import KINDS
from mlmodels.learning.trainers.plan import EVALUATIONS
from mlmodels.models.training_runs import Task
from mlplatform.core.api_schema import StoredJSON

CANDIDATE_STATUSES = ["waiting", "running", "done", "stopped", "skipped", "failed"]
VALUE_TYPES = ["number", "string", "boolean"]
PAIR = {"minItems": 2, "maxItems": 2, "type": "array"}


@extend_schema_field({"type": [*VALUE_TYPES, "null"]})
class ValueField(serializers.JSONField):
    """A cell: null is a blank."""


@extend_schema_field({"type": VALUE_TYPES})
class LabelField(serializers.JSONField):
    """A number, or a class as written in the dataset."""


@extend_schema_field(ROW, "StoredRow")
class StoredRowField(serializers.JSONField):
    """Values by column."""


@extend_schema_field({"type": "object", "additionalProperties": {"type": ["number", "null"]}}, "Metrics")
class MetricsField(serializers.JSONField):
    """Figures by name; null where one cannot be computed."""


@extend_schema_field({"type": "object", "additionalProperties": {}}, "Parameters")
class ParametersField(serializers.JSONField):
    """Values of an algorithm's parameters by name."""


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number"}}, "Probabilities")
class ProbabilitiesField(serializers.JSONField):
    """By class; they add up to 1."""


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number"}}, "Contributions")
class ContributionsField(serializers.JSONField):
    """What each column adds, by column."""


@extend_schema_field({**PAIR, "items": {"type": "number"}})
class RangeField(serializers.JSONField):
    """The lower and the upper end."""


@extend_schema_field({"type": "array", "items": {**PAIR, "items": {"type": ["number", "string"]}}})
class PointsField(serializers.JSONField):
    """Pairs: of x and y, or of a value and its number of rows."""


def texts(**options) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), **options)


# Datasets


class HistogramSerializer(serializers.Serializer):
    edges = serializers.ListField(
        child=serializers.FloatField(), help_text="edges of the bins, one more than `counts`"
    )
    counts = serializers.ListField(child=serializers.IntegerField())


class ProfileSerializer(serializers.Serializer):
    """What is in a column. Fields from `minimum` on: numbers and dates only; dates in seconds since 1970."""

    rows = serializers.IntegerField()
    missing = serializers.IntegerField()
    distinct = serializers.IntegerField()
    distinct_is_exact = serializers.BooleanField(help_text="if false, `distinct` is a lower bound")
    repeats = serializers.BooleanField(help_text="whether a value is in more than one row")
    top_values = PointsField(help_text="the most frequent texts, each with its number of cells")
    typical = ValueField(help_text="the median, or the most frequent text")
    minimum = serializers.FloatField(required=False)
    maximum = serializers.FloatField(required=False)
    mean = serializers.FloatField(required=False)
    whole = serializers.BooleanField(required=False, help_text="whether all numbers are whole")
    quantiles = MetricsField(required=False, help_text="by share, such as 0.25")
    histogram = HistogramSerializer(required=False)
    sampled = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="number of cells that quantiles and histogram are computed from; null if all",
    )
    varying_parts = texts(
        required=False, help_text="for dates: which of year, month, day, weekday, day_of_year and hour vary"
    )


class ColumnSerializer(serializers.Serializer):
    """A column: what kind it is, why, whether models use it, and what is in it."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(KINDS)
    role = serializers.ChoiceField(["number", "category", "text"], help_text="how models use it")
    use = serializers.BooleanField()
    reason = serializers.CharField(help_text="why it is of this kind")
    profile = StoredJSON(ProfileSerializer)


class TargetGuessSerializer(serializers.Serializer):
    """The column that will probably be predicted."""

    name = serializers.CharField()
    reason = serializers.CharField()
    task = serializers.ChoiceField(Task.choices)


class DefaultEvaluationSerializer(serializers.Serializer):
    """How models on a dataset are tested: on which rows, and by which column these are chosen."""

    kind = serializers.ChoiceField(EVALUATIONS)
    by = serializers.CharField(required=False, allow_null=True)


class EvaluationSerializer(DefaultEvaluationSerializer):
    """How a model is tested: on which rows, and by which column these are chosen."""

    folds = serializers.IntegerField(required=False, allow_null=True)
    train_percentage = serializers.FloatField(required=False, allow_null=True)


@extend_schema_field(EvaluationSerializer)
class EvaluationField(JSONObjectField):
    """Checked against the dataset by the operation."""

    default_error_messages = {"syntax": 'Send an object such as {{"kind": "k_fold"}}.'}


@extend_schema_field(DefaultEvaluationSerializer)
class DefaultEvaluationField(EvaluationField):
    """Of a dataset."""


class ColumnChangeSerializer(serializers.Serializer):
    """A change to how a column is read."""

    kind = serializers.ChoiceField(KINDS, required=False)
    use = serializers.BooleanField(required=False)
    blanks = texts(required=False, help_text="texts that mean a blank")
    merge_spellings = serializers.BooleanField(required=False)


@extend_schema_field(serializers.DictField(child=ColumnChangeSerializer()))
class ColumnChangesField(JSONObjectField):
    """By column. Checked against the cells by the operation."""

    default_error_messages = {"syntax": 'Send an object such as {{"zip": {{"kind": "category"}}}}.'}


class SuggestedChangeSerializer(serializers.Serializer):
    """A body for PATCH of the dataset."""

    columns = serializers.DictField(child=ColumnChangeSerializer(), required=False)
    target = serializers.CharField(required=False)
    evaluation = EvaluationSerializer(required=False)


class FindingChoiceSerializer(serializers.Serializer):
    """One way to deal with a finding."""

    label = serializers.CharField()
    change = StoredJSON(SuggestedChangeSerializer, help_text="a body for PATCH of the dataset")
    is_current = serializers.BooleanField()


class FindingSerializer(serializers.Serializer):
    """Something about the dataset that is worth a look."""

    code = serializers.CharField()
    columns = texts()
    severity = serializers.ChoiceField(["info", "warning"])
    seen = serializers.CharField(help_text="what was found")
    happens = serializers.CharField(help_text="what is done about it unless you choose otherwise")
    choices = FindingChoiceSerializer(many=True, help_text="ways to deal with it")


# Training runs


class CandidateSerializer(serializers.Serializer):
    """A row of the leaderboard: one way to train, and how well it did in cross-validation."""

    algorithm = serializers.CharField()
    label = serializers.CharField()
    parameters = ParametersField()
    target_transform = serializers.CharField(allow_null=True)
    pairs = serializers.BooleanField(
        help_text="whether it also learns from differences, ratios and products of columns"
    )
    stacked = serializers.BooleanField(
        required=False, help_text="whether it also learns from the predictions of a random forest"
    )
    status = serializers.ChoiceField(CANDIDATE_STATUSES)
    scoring = serializers.CharField(help_text="the metric of `score`; higher is better")
    score = serializers.FloatField(allow_null=True)
    std = serializers.FloatField(allow_null=True)
    standard_error = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    milliseconds_per_row = serializers.FloatField(allow_null=True)
    rounds = serializers.IntegerField(allow_null=True, help_text="boosting rounds")
    fold_rounds = serializers.ListField(child=serializers.IntegerField(), required=False)
    weight = serializers.FloatField(allow_null=True, help_text="its weight in an ensemble")
    is_tie = serializers.BooleanField(help_text="whether it cannot be told apart from the best")
    is_chosen = serializers.BooleanField()
    note = serializers.CharField(help_text="such as why it was stopped")
    rows = serializers.IntegerField(required=False)
    folds = serializers.IntegerField(required=False)
