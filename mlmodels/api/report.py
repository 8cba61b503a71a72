"""The report of a model, which is stored as JSON, as the OpenAPI schema describes it.

Like those in `shapes`, these serializers only describe: they neither read nor write anything.
"""

from rest_framework import serializers

from mlmodels.api.shapes import (
    CandidateSerializer,
    HistogramSerializer,
    LabelField,
    MetricsField,
    PointsField,
    RangeField,
    StoredRowField,
    ValueField,
    texts,
)
from mlmodels.learning.trainers.plan import EVALUATIONS
from mlmodels.models.training_runs import Task

GRADES = ["excellent", "good", "fair", "weak", "none"]


class VerdictSerializer(serializers.Serializer):
    """One sentence about the model, with the two figures behind it."""

    grade = serializers.ChoiceField(GRADES)
    sentence = serializers.CharField()
    measure = serializers.CharField(help_text="what the two figures measure")
    is_share = serializers.BooleanField(help_text="whether the two figures are shares from 0 to 1")
    model_figure = serializers.FloatField()
    baseline_figure = serializers.FloatField()


class EvaluatedSerializer(serializers.Serializer):
    """The rows that the model was trained and tested on."""

    kind = serializers.ChoiceField(EVALUATIONS)
    by = serializers.CharField(allow_null=True)
    folds = serializers.IntegerField(allow_null=True)
    training_rows = serializers.IntegerField()
    test_rows = serializers.IntegerField()
    kept_together = serializers.CharField(
        allow_null=True, help_text="which rows were kept on one side of the split"
    )
    refitted_rows = serializers.IntegerField(
        allow_null=True, help_text="rows of the final fit, if it used more than `training_rows`"
    )


class LargestMissSerializer(serializers.Serializer):
    row = serializers.IntegerField(help_text="number in the file, from 1, without the header line")
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
    found = serializers.IntegerField(help_text="how many of these were predicted as this class")
    answers = serializers.IntegerField(help_text="test rows predicted as this class")
    recall_interval = RangeField(allow_null=True, help_text="95% confidence interval")
    precision_interval = RangeField(allow_null=True, help_text="95% confidence interval")


class ConfusionMatrixSerializer(serializers.Serializer):
    """`counts[i][j]`: rows of class i that were predicted as class j."""

    labels = serializers.ListField(child=LabelField())
    counts = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))


class RocCurveSerializer(serializers.Serializer):
    label = LabelField()
    area = serializers.FloatField()
    points = PointsField(help_text="pairs of false positive rate and true positive rate")


class PrecisionRecallCurveSerializer(serializers.Serializer):
    label = LabelField()
    average_precision = serializers.FloatField()
    points = PointsField(help_text="pairs of recall and precision")


class CalibrationBinSerializer(serializers.Serializer):
    predicted = serializers.FloatField(help_text="mean predicted probability")
    observed = serializers.FloatField(help_text="observed share")
    low = serializers.FloatField()
    high = serializers.FloatField()
    rows = serializers.IntegerField()


class CalibrationSerializer(serializers.Serializer):
    """How well predicted probabilities agree with observed shares."""

    error = serializers.FloatField(
        help_text="mean difference between predicted probability and observed share"
    )
    method = serializers.CharField(
        allow_null=True, help_text="how probabilities were calibrated; null if not"
    )
    bins = CalibrationBinSerializer(many=True)


class ThresholdSerializer(serializers.Serializer):
    threshold = serializers.FloatField()
    true_positives = serializers.IntegerField()
    false_positives = serializers.IntegerField()
    false_negatives = serializers.IntegerField()
    true_negatives = serializers.IntegerField()


class ThresholdsSerializer(serializers.Serializer):
    """What a model with two classes gets right and wrong at each threshold."""

    label = LabelField(help_text="the class that is predicted from the threshold on")
    default = serializers.FloatField()
    rows = ThresholdSerializer(many=True)


class WeakGroupSerializer(serializers.Serializer):
    """Rows on which the model is clearly worse: one category, or one range of a number."""

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
    mean = serializers.FloatField(help_text="mean loss of score when the column is shuffled")
    std = serializers.FloatField()


class ImportanceSerializer(serializers.Serializer):
    """The permutation importance of each column on the test rows."""

    scoring = serializers.CharField(allow_null=True)
    rows = serializers.IntegerField()
    repeats = serializers.IntegerField()
    columns = ColumnImportanceSerializer(many=True)


class PartialDependenceSerializer(serializers.Serializer):
    """How the mean prediction depends on the values of one column."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(["number", "category"])
    points = PointsField(help_text="pairs of a value and the mean prediction")
    label = LabelField(required=False, help_text="for classification: the class whose probability is shown")


class LearningCurvePointSerializer(serializers.Serializer):
    rows = serializers.IntegerField()
    score = serializers.FloatField()
    std = serializers.FloatField()
    training_score = serializers.FloatField()
    scoring = serializers.CharField()


class TestedRowsSerializer(serializers.Serializer):
    """A sample of the test rows: row numbers in the file, actual and predicted values."""

    rows = serializers.ListField(child=serializers.IntegerField())
    actual = serializers.ListField(child=LabelField())
    predicted = serializers.ListField(child=LabelField())
    probability_of_actual = serializers.ListField(
        child=serializers.FloatField(), required=False, help_text="for classification"
    )


class ScaleSerializer(serializers.Serializer):
    at = serializers.ListField(child=serializers.FloatField())
    value = serializers.ListField(child=serializers.FloatField())


class ReliabilitySerializer(serializers.Serializer):
    """What intervals and prediction sets are computed from, and how often they contained the actual value."""

    kind = serializers.ChoiceField(["interval", "set"])
    level = serializers.FloatField()
    scores = serializers.ListField(child=serializers.FloatField())
    rows = serializers.IntegerField()
    coverage = serializers.FloatField(required=False, help_text="share that contained the actual value")
    mean_width = serializers.FloatField(required=False)
    mean_size = serializers.FloatField(required=False)
    scale = ScaleSerializer(required=False, allow_null=True)
    lower_share = serializers.FloatField(required=False)
    at_least = serializers.FloatField(required=False)


class TrainedColumnSerializer(serializers.Serializer):
    """A column as it was in the training data."""

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
    """How good the model is, and which columns it relies on. Which parts there are depends on the task."""

    task = serializers.ChoiceField(Task.choices, required=False)
    seed = serializers.IntegerField(required=False)
    notes = texts(required=False)
    evaluation = EvaluatedSerializer(required=False)
    metrics = MetricsField(required=False)
    baseline = MetricsField(required=False, help_text="the same metrics for guessing")
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
