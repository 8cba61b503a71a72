"""What is stored as JSON with datasets, training runs and models, as the OpenAPI schema describes it.

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
GRADES = ["excellent", "good", "fair", "weak", "none"]
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
    edges = serializers.ListField(child=serializers.FloatField(), help_text="one more than counts")
    counts = serializers.ListField(child=serializers.IntegerField())


class ProfileSerializer(serializers.Serializer):
    """What is in a column. From `minimum` on for numbers and dates alone; dates are in seconds since 1970."""

    rows = serializers.IntegerField()
    missing = serializers.IntegerField()
    distinct = serializers.IntegerField()
    distinct_is_exact = serializers.BooleanField(help_text="otherwise there are at least as many")
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
        required=False, allow_null=True, help_text="cells behind quantiles and histogram; null for all"
    )
    varying_parts = texts(required=False, help_text="of dates: year, month, weekday, day_of_year, hour")


class ColumnSerializer(serializers.Serializer):
    """A column: what kind it is, why, whether models use it, and what is in it."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(KINDS)
    role = serializers.ChoiceField(["number", "category", "text"], help_text="how a model takes it")
    use = serializers.BooleanField()
    reason = serializers.CharField(help_text="why it is of this kind")
    profile = StoredJSON(ProfileSerializer)


class TargetGuessSerializer(serializers.Serializer):
    """The column that will probably be predicted."""

    name = serializers.CharField()
    reason = serializers.CharField()
    task = serializers.ChoiceField(Task.choices)


class EvaluationSerializer(serializers.Serializer):
    """How models are tested: on which rows, and by which column those are set apart."""

    kind = serializers.ChoiceField(EVALUATIONS)
    by = serializers.CharField(required=False, allow_null=True)
    folds = serializers.IntegerField(required=False, allow_null=True)
    train_percentage = serializers.FloatField(required=False, allow_null=True)


@extend_schema_field(EvaluationSerializer)
class EvaluationField(JSONObjectField):
    """Checked against the dataset by the operation."""


class ColumnChangeSerializer(serializers.Serializer):
    """How a column is read instead."""

    kind = serializers.ChoiceField(KINDS, required=False)
    use = serializers.BooleanField(required=False)
    blanks = texts(required=False, help_text="texts that mean a blank")
    merge_spellings = serializers.BooleanField(required=False)


@extend_schema_field(serializers.DictField(child=ColumnChangeSerializer()))
class ColumnChangesField(JSONObjectField):
    """By column. Checked against the cells by the operation."""


class SuggestedChangeSerializer(serializers.Serializer):
    """A body for PATCH of the dataset."""

    columns = serializers.DictField(child=ColumnChangeSerializer(), required=False)
    target = serializers.CharField(required=False)
    evaluation = EvaluationSerializer(required=False)


class FindingChoiceSerializer(serializers.Serializer):
    """One of the things that can be done about a finding."""

    label = serializers.CharField()
    change = StoredJSON(SuggestedChangeSerializer, help_text="a body for PATCH of the dataset")
    is_current = serializers.BooleanField()


class FindingSerializer(serializers.Serializer):
    """Something about the dataset that is worth a look."""

    code = serializers.CharField()
    columns = texts()
    severity = serializers.ChoiceField(["info", "warning"])
    seen = serializers.CharField(help_text="what was found")
    happens = serializers.CharField(help_text="what is done about it without you")
    choices = FindingChoiceSerializer(many=True, help_text="what can be done instead")


# Training runs


class CandidateSerializer(serializers.Serializer):
    """A row of the leaderboard: one way to train, and how well it did in cross-validation."""

    algorithm = serializers.CharField()
    label = serializers.CharField()
    parameters = ParametersField()
    target_transform = serializers.CharField(allow_null=True)
    pairs = serializers.BooleanField(help_text="whether it also learns from sums and quotients of columns")
    status = serializers.ChoiceField(CANDIDATE_STATUSES)
    scoring = serializers.CharField(help_text="the metric that score is; higher is better")
    score = serializers.FloatField(allow_null=True)
    std = serializers.FloatField(allow_null=True)
    standard_error = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    milliseconds_per_row = serializers.FloatField(allow_null=True)
    rounds = serializers.IntegerField(allow_null=True, help_text="of boosting")
    fold_rounds = serializers.ListField(child=serializers.IntegerField(), required=False)
    weight = serializers.FloatField(allow_null=True, help_text="its share in a mean of several")
    is_tie = serializers.BooleanField(help_text="as good as the best, as far as can be told")
    is_chosen = serializers.BooleanField()
    note = serializers.CharField(help_text="such as why it was stopped")
    rows = serializers.IntegerField(required=False)
    folds = serializers.IntegerField(required=False)


# Models


class VerdictSerializer(serializers.Serializer):
    """One sentence about the model, with the two figures that prove it."""

    grade = serializers.ChoiceField(GRADES)
    sentence = serializers.CharField()
    measure = serializers.CharField(help_text="what the two figures are")
    is_share = serializers.BooleanField(help_text="whether they are shares of 1")
    model_figure = serializers.FloatField()
    baseline_figure = serializers.FloatField()


class EvaluatedSerializer(serializers.Serializer):
    """On which rows the model was measured."""

    kind = serializers.ChoiceField(EVALUATIONS)
    by = serializers.CharField(allow_null=True)
    folds = serializers.IntegerField(allow_null=True)
    training_rows = serializers.IntegerField()
    test_rows = serializers.IntegerField()
    kept_together = serializers.CharField(allow_null=True, help_text="rows that were not torn apart")
    refitted_rows = serializers.IntegerField(
        allow_null=True, help_text="of the final fit, where that is on more rows than were measured with"
    )


class LargestMissSerializer(serializers.Serializer):
    row = serializers.IntegerField(help_text="in the file, from 1; the header line is not counted")
    actual = LabelField()
    predicted = LabelField()
    miss = serializers.FloatField()
    inputs = StoredRowField()


class ClassFiguresSerializer(serializers.Serializer):
    label = LabelField()
    precision = serializers.FloatField()
    recall = serializers.FloatField()
    f1_score = serializers.FloatField()
    support = serializers.IntegerField(help_text="test rows of this class")
    found = serializers.IntegerField(help_text="of them, predicted as such")
    answers = serializers.IntegerField(help_text="rows predicted as such")
    recall_interval = RangeField(allow_null=True, help_text="95 %")
    precision_interval = RangeField(allow_null=True, help_text="95 %")


class ConfusionMatrixSerializer(serializers.Serializer):
    """`counts[i][j]`: rows of class i that were predicted as class j."""

    labels = serializers.ListField(child=LabelField())
    counts = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))


class RocCurveSerializer(serializers.Serializer):
    label = LabelField()
    area = serializers.FloatField()
    points = PointsField(help_text="false positive rate, true positive rate")


class PrecisionRecallCurveSerializer(serializers.Serializer):
    label = LabelField()
    average_precision = serializers.FloatField()
    points = PointsField(help_text="recall, precision")


class CalibrationBinSerializer(serializers.Serializer):
    predicted = serializers.FloatField(help_text="the mean probability")
    observed = serializers.FloatField(help_text="the share that came true")
    low = serializers.FloatField()
    high = serializers.FloatField()
    rows = serializers.IntegerField()


class CalibrationSerializer(serializers.Serializer):
    """Whether probabilities come true as often as they say."""

    error = serializers.FloatField(help_text="the mean distance")
    method = serializers.CharField(allow_null=True, help_text="by which probabilities were corrected")
    bins = CalibrationBinSerializer(many=True)


class ThresholdSerializer(serializers.Serializer):
    threshold = serializers.FloatField()
    true_positives = serializers.IntegerField()
    false_positives = serializers.IntegerField()
    false_negatives = serializers.IntegerField()
    true_negatives = serializers.IntegerField()


class ThresholdsSerializer(serializers.Serializer):
    """What a model of two classes gets right and wrong, by the threshold of its probability."""

    label = LabelField(help_text="the class that the threshold is about")
    default = serializers.FloatField()
    rows = ThresholdSerializer(many=True)


class WeakGroupSerializer(serializers.Serializer):
    """Rows that the model is clearly worse on: one category, or one band of a number."""

    column = serializers.CharField()
    value = ValueField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    rows = serializers.IntegerField()
    error = serializers.FloatField()
    error_of_all = serializers.FloatField()
    is_share = serializers.BooleanField()


class ColumnImportanceSerializer(serializers.Serializer):
    name = serializers.CharField()
    mean = serializers.FloatField(help_text="how much the score falls without the column")
    std = serializers.FloatField()


class ImportanceSerializer(serializers.Serializer):
    """Which columns the model goes by: permutation importance on the test rows."""

    scoring = serializers.CharField(allow_null=True)
    rows = serializers.IntegerField()
    repeats = serializers.IntegerField()
    columns = ColumnImportanceSerializer(many=True)


class PartialDependenceSerializer(serializers.Serializer):
    """The mean prediction at values of one column."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(["number", "category"])
    points = PointsField(help_text="value, mean prediction")
    label = LabelField(required=False, help_text="the class whose probability it is")


class LearningCurvePointSerializer(serializers.Serializer):
    rows = serializers.IntegerField()
    score = serializers.FloatField()
    std = serializers.FloatField()
    training_score = serializers.FloatField()
    scoring = serializers.CharField()


class TestedRowsSerializer(serializers.Serializer):
    """Some of the test rows: their numbers in the file, what was there and what was predicted."""

    rows = serializers.ListField(child=serializers.IntegerField())
    actual = serializers.ListField(child=LabelField())
    predicted = serializers.ListField(child=LabelField())
    probability_of_actual = serializers.ListField(
        child=serializers.FloatField(), required=False, help_text="of classes"
    )


class ScaleSerializer(serializers.Serializer):
    at = serializers.ListField(child=serializers.FloatField())
    value = serializers.ListField(child=serializers.FloatField())


class ReliabilitySerializer(serializers.Serializer):
    """What intervals (of numbers) and sets (of classes) are made from, and how often they held the truth."""

    kind = serializers.ChoiceField(["interval", "set"])
    level = serializers.FloatField()
    scores = serializers.ListField(child=serializers.FloatField())
    rows = serializers.IntegerField()
    coverage = serializers.FloatField(required=False, help_text="the share that held the truth")
    mean_width = serializers.FloatField(required=False)
    mean_size = serializers.FloatField(required=False)
    scale = ScaleSerializer(required=False, allow_null=True)
    lower_share = serializers.FloatField(required=False)
    at_least = serializers.FloatField(required=False)


class TrainedColumnSerializer(serializers.Serializer):
    """What a column was like in training."""

    name = serializers.CharField()
    role = serializers.ChoiceField(["number", "category", "text"])
    typical = ValueField()
    missing = serializers.IntegerField()
    minimum = serializers.FloatField(required=False, allow_null=True)
    maximum = serializers.FloatField(required=False, allow_null=True)
    mean = serializers.FloatField(required=False, allow_null=True)
    whole = serializers.BooleanField(required=False)
    categories = PointsField(required=False)
    distinct = serializers.IntegerField(required=False)


class ReportSerializer(serializers.Serializer):
    """How good the model is and what it goes by. Which parts there are depends on the task."""

    task = serializers.ChoiceField(Task.choices, required=False)
    seed = serializers.IntegerField(required=False)
    notes = texts(required=False)
    evaluation = EvaluatedSerializer(required=False)
    metrics = MetricsField(required=False)
    baseline = MetricsField(required=False, help_text="the same of guessing")
    metric_intervals = serializers.DictField(child=RangeField(allow_null=True), required=False)
    verdict = VerdictSerializer(required=False)
    reliability = ReliabilitySerializer(required=False, allow_null=True)
    sample = TestedRowsSerializer(required=False)
    residuals = HistogramSerializer(required=False)
    largest_misses = LargestMissSerializer(many=True, required=False)
    confusion_matrix = ConfusionMatrixSerializer(required=False)
    classes = ClassFiguresSerializer(many=True, required=False)
    roc = RocCurveSerializer(many=True, required=False)
    precision_recall = PrecisionRecallCurveSerializer(many=True, required=False)
    calibration = CalibrationSerializer(required=False)
    thresholds = ThresholdsSerializer(required=False, allow_null=True)
    weak_groups = WeakGroupSerializer(many=True, required=False)
    importance = ImportanceSerializer(required=False)
    partial_dependence = PartialDependenceSerializer(many=True, required=False)
    learning_curve = LearningCurvePointSerializer(many=True, required=False, allow_null=True)
    features = TrainedColumnSerializer(many=True, required=False)
    candidates = CandidateSerializer(many=True, required=False)
    training_rows = serializers.IntegerField(required=False)
    hold_out_rows = serializers.IntegerField(required=False)
    fit_seconds = serializers.FloatField(required=False)
