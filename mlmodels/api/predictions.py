"""Predictions: rows are predicted and explained by a model, and stored predictions are a resource."""

from django_filters.rest_framework import FilterSet, UUIDFilter
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from billing.api.idempotency import IDEMPOTENCY_KEY, answer_or_replay, idempotent_request
from billing.idempotency import earlier_answer_first
from mlmodels.api import responses
from mlmodels.api.examples import EXAMPLE_PREDICTION, SITE
from mlmodels.api.links import OwnLink, UsedModelLink
from mlmodels.api.plain import Offer
from mlmodels.api.responses import AnswersSerializer, ExplainedSerializer, OutputSerializer
from mlmodels.api.serializers import RowField
from mlmodels.api.shapes import LabelField, StoredRowField
from mlmodels.lookups import owned_prediction, usable_model_for_scoring
from mlmodels.models import Prediction, TrainedModel
from mlmodels.operations import explanations, predictions
from mlmodels.operations.actuals import record_actual
from mlmodels.pagination import KeysPaginator
from mlmodels.snippets import example_row
from mlplatform.core.api import (
    ETagMixin,
    NumberField,
    Pages,
    StrictBody,
    StrictQueryMixin,
    object_of,
    validated,
)
from mlplatform.core.api_schema import StoredJSON, with_examples
from mlplatform.core.errors import NotFound

ROWS_MAX = 100
LEVEL_MIN, LEVEL_MAX = 0.5, 0.99


class TypicalRow:
    """The form of the browsable API is filled in with a typical row of the model."""

    def get_initial(self):
        return {"features": example_row(self.context["view"].get_object())}


@with_examples(
    sent={
        "One row": {"features": {"area": 95, "district": "Hill"}},
        "Several rows, and wider intervals": {
            "rows": [{"area": 95, "district": "Hill"}, {"area": 60, "district": None}],
            "level": 0.95,
        },
    }
)
class RowsSerializer(TypicalRow, StrictBody, serializers.Serializer):
    """One row as `features`, or up to 100 as `rows`."""

    features = RowField(required=False)
    rows = serializers.ListField(
        child=RowField(),
        required=False,
        allow_empty=False,
        max_length=ROWS_MAX,
        error_messages={"max_length": f"At most {ROWS_MAX} rows. For more, send a CSV file to `batches`."},
    )
    level = NumberField(
        required=False,
        min_value=LEVEL_MIN,
        max_value=LEVEL_MAX,
        help_text="share of cases in which the interval or set contains the actual value; 0.9 by default",
    )

    def validate(self, attributes):
        if ("features" in attributes) == ("rows" in attributes):
            raise serializers.ValidationError(
                {"features": "Give either features, an object of values, or rows, a list of such objects."}
            )
        return attributes


def plain_rows(data: dict) -> dict | None:
    """What RowsSerializer makes of the body, or None if it may have to convert or refuse something."""
    rows, level = data.get("rows", [data.get("features")]), data.get("level")
    is_plain = (
        data.keys() <= {"features", "rows", "level"}
        and ("features" in data) != ("rows" in data)
        and isinstance(rows, list)
        and 1 <= len(rows) <= ROWS_MAX
        and all(isinstance(row, dict) for row in rows)
        and ("level" not in data or (type(level) is float and LEVEL_MIN <= level <= LEVEL_MAX))
    )
    return {"rows": rows, "level": level} if is_plain else None


@with_examples(
    sent={
        "A row": {"features": {"area": 95, "district": "Hill"}},
        "A variation, free": {
            "features": {"area": 95, "district": "Port"},
            "variation_of": EXAMPLE_PREDICTION,
        },
    }
)
class RowToExplainSerializer(TypicalRow, StrictBody, serializers.Serializer):
    """One row. If it is a variation of an earlier prediction, `variation_of` is the id of that prediction."""

    features = RowField()
    variation_of = serializers.UUIDField(required=False)


class PredictionActionsMixin:
    """Predicts and explains rows, for the view set of models."""

    @classmethod
    def as_view(cls, actions=None, **options):
        view = super().as_view(actions, **options)
        if actions == {"post": "predict"}:
            view.offer = Offer(predictions.predict_rows, plain_rows, responses.answered, "name")
        return view

    @extend_schema(
        operation_id="predict_rows",
        tags=["predictions"],
        summary="Predict one row, or up to 100",
        parameters=[IDEMPOTENCY_KEY],
        responses=AnswersSerializer,
    )
    @action(detail=True, methods=["post"])
    def predict(self, request, name):
        sent = validated(self)
        return self._paid(
            predictions.predict_rows,
            rows=sent.get("rows") or [sent["features"]],
            level=sent.get("level"),
            body_of=responses.answered,
        )

    @extend_schema(
        operation_id="explain_row",
        tags=["predictions"],
        summary="Predict a row and show what each column adds; variations are free for ten minutes",
        parameters=[IDEMPOTENCY_KEY],
        responses=ExplainedSerializer,
    )
    @action(detail=True, methods=["post"])
    def explain(self, request, name):
        sent = validated(self)
        if "variation_of" in sent:
            prediction = owned_prediction(request.user, sent["variation_of"])
            if prediction.model != usable_model_for_scoring(request.user, name):
                raise NotFound("You have no such prediction.")
            varied = explanations.vary(prediction=prediction, features=sent["features"])
            return Response(responses.varied(prediction, varied))
        return self._paid(explanations.explain, features=sent["features"], body_of=responses.explained)

    def _paid(self, operation, **options) -> Response:
        """What the operation sells, or the stored answer of a repeated request."""
        user, idempotency = self.request.user, idempotent_request(self.request)

        def work():
            with earlier_answer_first(user=user, request=idempotency):
                model = usable_model_for_scoring(user, self.kwargs["name"])
            sold = operation(owner=user, model=model, idempotency=idempotency, **options)
            return Response(options["body_of"](sold))

        return answer_or_replay(work)


@with_examples(
    answered={
        200: {
            "id": EXAMPLE_PREDICTION,
            "url": f"{SITE}/predictions/{EXAMPLE_PREDICTION}",
            "model_name": "2_houses",
            "model_url": f"{SITE}/models/2_houses",
            "inputs": {"area": 95, "district": "Hill"},
            "output": {
                "prediction": 305120.4,
                "interval": {"level": 0.9, "low": 296400.0, "high": 313900.0},
                "warnings": [],
            },
            "actual": 312000,
            "actual_at": "2027-04-01T12:00:00Z",
            "cost_tokens": 5,
            "created_at": "2027-03-01T09:30:00Z",
        }
    }
)
class PredictionSerializer(serializers.ModelSerializer):
    """A row sent to a model, with its result."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    url = OwnLink("prediction-detail", lookup_field="uuid")
    model_url = UsedModelLink()
    inputs = StoredRowField(
        read_only=True, help_text="the row as it was understood; dates in seconds since 1970"
    )
    output = StoredJSON(OutputSerializer)
    actual = LabelField(
        read_only=True, allow_null=True, help_text="the actual value; null until it is recorded"
    )

    class Meta:
        model = Prediction
        fields = [
            "id", "url", "model_name", "model_url", "inputs", "output", "actual", "actual_at",
            "cost_tokens", "created_at",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {"actual_at": {"help_text": "when the actual value was last recorded"}}


@with_examples(sent={"A number": {"value": 312000}})
class ActualSerializer(StrictBody, serializers.Serializer):
    """The actual value: a number, or a class as the model names it."""

    value = LabelField()


class PredictionFilters(FilterSet):
    model__uuid = UUIDFilter(method="with_model")

    class Meta:
        model = Prediction
        fields = ["model_name", "model__uuid"]

    def with_model(self, predictions, name, uuid):
        """By the id of the model, whose share of all predictions PostgreSQL knows, and not by a join."""
        ids = TrainedModel.objects.filter(uuid=uuid).values_list("pk", flat=True)
        return predictions.filter(model__in=list(ids))


class PredictionPages(Pages):
    django_paginator_class = KeysPaginator


@extend_schema_view(
    list=extend_schema(operation_id="list_predictions", summary="List your predictions, newest first"),
    retrieve=extend_schema(operation_id="get_prediction", summary="Show a prediction"),
    destroy=extend_schema(
        operation_id="erase_prediction", summary="Erase the row and result of a prediction; the charge stays"
    ),
    actual=extend_schema(
        operation_id="record_actual",
        summary="Record the actual value of a prediction; free, and can be corrected",
        request=ActualSerializer,
        responses=PredictionSerializer,
    ),
)
class PredictionViewSet(
    ETagMixin, StrictQueryMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    tags = ["predictions"]
    refusals = ()
    serializer_class = PredictionSerializer
    pagination_class = PredictionPages
    queryset = Prediction.objects.none()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    filterset_class = PredictionFilters
    filterset_fields = PredictionFilters.Meta.fields
    ordering_fields = ["created_at"]

    def get_queryset(self):
        user = self.request.user
        return Prediction.objects.owned_by(user).stored().for_api_lists(user).newest_first()

    def paginate_queryset(self, queryset):
        keys = super().paginate_queryset(queryset.values_list("pk", flat=True))
        return Prediction.objects.for_api_lists(self.request.user).in_order(keys)

    def destroy(self, request, uuid):
        Prediction.objects.filter(pk=self.get_object().pk).erase()
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"], refusals=[409])
    def actual(self, request, uuid):
        prediction = owned_prediction(request.user, uuid)
        sent = ActualSerializer(data=object_of(request))
        sent.is_valid(raise_exception=True)
        record_actual(prediction=prediction, value=sent.validated_data["value"])
        return Response(self.get_serializer(prediction).data)
