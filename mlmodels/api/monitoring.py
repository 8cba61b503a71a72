"""How a model has performed since it was trained, as the OpenAPI schema describes it."""

from rest_framework import serializers


class BinSerializer(serializers.Serializer):
    label = serializers.CharField()
    share = serializers.FloatField(help_text="share of the training rows")
    asked = serializers.FloatField(help_text="share of the predicted rows")


class ColumnDriftSerializer(serializers.Serializer):
    column = serializers.CharField()
    index = serializers.FloatField(help_text="population stability index")
    by_chance = serializers.FloatField(
        help_text="value that `index` exceeds by chance in 1 of 20 cases without drift"
    )
    level = serializers.CharField(help_text="none, moderate or large")
    sentence = serializers.CharField()
    bins = BinSerializer(many=True)


class DriftSerializer(serializers.Serializer):
    rows = serializers.IntegerField(help_text="how many of the latest predictions were compared")
    rows_max = serializers.IntegerField()
    trained_on = serializers.IntegerField(help_text="rows of the training data")
    sentence = serializers.CharField()
    columns = ColumnDriftSerializer(many=True)


class CoverageSerializer(serializers.Serializer):
    of = serializers.IntegerField(help_text="number of intervals or prediction sets")
    held = serializers.IntegerField(help_text="how many of these contained the actual value")
    level = serializers.FloatField(allow_null=True, help_text="the promised share")


class LiveQualitySerializer(serializers.Serializer):
    actuals = serializers.IntegerField()
    sentence = serializers.CharField()
    measure = serializers.CharField(required=False, help_text="mean_absolute_error or accuracy")
    live = serializers.FloatField(required=False)
    live_interval = serializers.ListField(child=serializers.FloatField(), required=False, allow_null=True)
    promised = serializers.FloatField(required=False, allow_null=True)
    promised_interval = serializers.ListField(child=serializers.FloatField(), required=False, allow_null=True)
    verdict = serializers.CharField(required=False, help_text="as promised, worse, better or too few")
    coverage = CoverageSerializer(required=False, allow_null=True)


class MonitoringSerializer(serializers.Serializer):
    """How a model has performed since it was trained."""

    drift = DriftSerializer()
    actuals = LiveQualitySerializer()
    comparison = serializers.DictField(
        allow_null=True, help_text="with the earlier model, if this one was trained again"
    )
