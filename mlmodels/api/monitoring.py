"""What is measured about a model since it was trained, as the OpenAPI schema describes it."""

from rest_framework import serializers


class BinSerializer(serializers.Serializer):
    label = serializers.CharField()
    share = serializers.FloatField(help_text="of the rows of training")
    asked = serializers.FloatField(help_text="of the rows asked for")


class ColumnDriftSerializer(serializers.Serializer):
    column = serializers.CharField()
    index = serializers.FloatField(help_text="population stability index")
    by_chance = serializers.FloatField(help_text="what it exceeds without drift in one of 20 cases")
    level = serializers.CharField(help_text="none, moderate or large")
    sentence = serializers.CharField()
    bins = BinSerializer(many=True)


class DriftSerializer(serializers.Serializer):
    rows = serializers.IntegerField(help_text="the latest predictions that were looked at")
    rows_max = serializers.IntegerField()
    trained_on = serializers.IntegerField(help_text="rows of the table of training")
    sentence = serializers.CharField()
    columns = ColumnDriftSerializer(many=True)


class CoverageSerializer(serializers.Serializer):
    of = serializers.IntegerField(help_text="intervals or sets of classes")
    held = serializers.IntegerField(help_text="of them that held the actual value")
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
    """How a model fares since it was trained."""

    drift = DriftSerializer()
    actuals = LiveQualitySerializer()
    comparison = serializers.DictField(
        allow_null=True, help_text="with the model that was trained again, on rows that neither has seen"
    )
