"""The report of a model, which is stored as JSON, as the OpenAPI schema describes it.

None of these serializers reads or writes anything, as those of `shapes`.
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
