"""The algorithms as a resource: parameters with types, defaults, ranges and help."""

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from mlmodels.api.shapes import RangeField, ValueField, texts
from mlmodels.learning.trainers import TRAINERS
from mlplatform.core.errors import NotFound


class ParameterSerializer(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.ChoiceField(["int", "float", "str", "bool"])
    default = ValueField()
    help = serializers.CharField()
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=ValueField())
    nullable = serializers.BooleanField()
    searchable = serializers.BooleanField(help_text="whether a grid may hold several values of it")
    search_range = RangeField(
        allow_null=True, help_text="range of a random search; null: from minimum to maximum"
    )
    log = serializers.BooleanField(help_text="whether a random search draws on a logarithmic scale")
    tasks = texts(help_text="tasks it applies to; empty for all")


class AlgorithmSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()
    summary = serializers.CharField()
    tasks = texts()
    is_searchable = serializers.BooleanField()
    parameters = ParameterSerializer(many=True)


@extend_schema_view(
    list=extend_schema(
        operation_id="list_algorithms",
        summary="List algorithms with their parameters, ranges and defaults",
        responses=AlgorithmSerializer(many=True),
    ),
    retrieve=extend_schema(
        operation_id="get_algorithm",
        summary="Show an algorithm",
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH)],
        responses=AlgorithmSerializer,
    ),
)
class AlgorithmViewSet(viewsets.ViewSet):
    tags = ["runs"]
    permission_classes = [AllowAny]
    authentication_classes = []
    lookup_field = "name"

    def list(self, request):
        return Response([trainer.to_dict() for trainer in TRAINERS.values()])

    def retrieve(self, request, name):
        if name not in TRAINERS:
            raise NotFound(f"There is no such algorithm. Choose one of: {', '.join(TRAINERS)}.")
        return Response(TRAINERS[name].to_dict())
