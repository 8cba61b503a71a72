"""The endpoints of the two services that this one replaces: clients change nothing but their base URL."""

from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.api.idempotency import IDEMPOTENCY_KEY, answer_once, idempotent_request
from mlmodels.api import responses
from mlmodels.api.responses import PREFER
from mlmodels.api.serializers import CreateSerializer, FeaturesSerializer, InputSerializer, SearchSerializer
from mlmodels.api.waiting import TrainingView
from mlmodels.learning.trainers import parameter_types
from mlmodels.lookups import dataset_called, owned_model, owned_model_for_scoring
from mlmodels.operations.predictions import predict
from mlmodels.operations.trained_models import delete_model
from mlmodels.operations.training import start_training, train_on_sample, train_on_upload
from mlplatform.core.api_schema import documented
from mlplatform.core.errors import InvalidInput

SAMPLE_OF_SEARCHES = "iris_numbered"  # its classes are numbers, which existing clients expect


class AlgorithmsView(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        operation_id="list_algorithms",
        tags=["models"],
        summary="Algorithms and their parameters",
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request):
        return Response({name: {"params": types} for name, types in parameter_types().items()})


class CreateView(TrainingView):
    serializer_class = CreateSerializer
    parser_classes = [MultiPartParser]
    field_names = {
        "algorithm": "model_type",
        "features": "feature_cols",
        "target": "label_col",
        "model_name": "model_filename",
        "parameters": "optional_params",
    }

    @extend_schema(
        operation_id="create_model",
        tags=["models"],
        summary="Train a model on a CSV file",
        parameters=[IDEMPOTENCY_KEY, PREFER],
        responses=documented(
            {200: responses.CreatedSerializer, 202: responses.AcceptedSerializer},
            400,
            402,
            409,
            413,
            422,
            429,
        ),
    )
    def post(self, request):
        return super().post(request)

    def start(self, order, idempotency):
        return train_on_upload(
            owner=self.request.user,
            upload=order["csv_file"],
            name=order["csv_file"].name,
            is_replaceable=True,
            algorithm=order["model_type"],
            features=order["feature_cols"],
            target=order["label_col"],
            parameters=order["optional_params"],
            train_percentage=order["train_percentage"],
            model_name=order["model_filename"],
            idempotency=idempotency,
        )

    def answer(self, run, model):
        return responses.created(run, model)


class TrainedModelsView(APIView):
    @extend_schema(
        operation_id="list_trained",
        tags=["models"],
        summary="Names of the caller's models, newest first",
        responses={200: {"type": "array", "items": {"type": "string"}}},
    )
    def get(self, request):
        return Response(list(request.user.trained_models.newest_first().values_list("name", flat=True)))


class TrainedModelView(APIView):
    @extend_schema(
        operation_id="describe_trained",
        tags=["models"],
        summary="What is known about a model",
        responses=documented({200: responses.TrainedModelSerializer}, 404),
    )
    def get(self, request, model_name):
        return Response(responses.TrainedModelSerializer(owned_model(request.user, model_name)).data)


class DeleteModelView(APIView):
    @extend_schema(
        operation_id="delete_trained",
        tags=["models"],
        summary="Delete a model and its file",
        responses=documented({200: responses.DeletedSerializer}, 404),
    )
    def delete(self, request, model_name):
        delete_model(model=owned_model(request.user, model_name))
        return Response({"status": "success", "message": f'The model "{model_name}" is deleted.'})


class PaidPredictionView(GenericAPIView):
    """Predicts one row with one model. A prediction is charged if and only if it is stored."""

    def answer_row(self, model, features, answer) -> Response:
        owner, idempotency = self.request.user, idempotent_request(self.request)

        def work():
            prediction = predict(
                owner=owner, model=model, features=features, idempotency=idempotency, answer=answer
            )
            return Response(answer(prediction))

        return answer_once(user=owner, request=idempotency, work=work)


class PredictView(PaidPredictionView):
    serializer_class = FeaturesSerializer

    @extend_schema(
        operation_id="predict",
        tags=["predictions"],
        summary="Predict one row with a model",
        parameters=[IDEMPOTENCY_KEY],
        responses=documented({200: responses.PredictedSerializer}, 400, 402, 404, 409, 422),
    )
    def post(self, request, model_name):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        model = owned_model_for_scoring(request.user, model_name)
        return self.answer_row(model, serializer.validated_data["features"], responses.predicted)


class SearchView(TrainingView):
    serializer_class = SearchSerializer
    field_names = {"grid": "params"}

    @extend_schema(
        operation_id="search",
        tags=["searches"],
        summary="Find the best parameters of an algorithm by cross-validation",
        parameters=[IDEMPOTENCY_KEY, PREFER],
        responses=documented(
            {200: responses.SearchedSerializer, 202: responses.AcceptedSerializer}, 400, 402, 422, 429
        ),
    )
    def post(self, request):
        return super().post(request)

    def start(self, order, idempotency):
        owner = self.request.user
        search = {
            "algorithm": order["algorithm"],
            "target": order["target"] or None,
            "grid": order.get("params") or order.get("param_grid"),
            "is_search": True,
            "idempotency": idempotency,
        }
        if order["dataset"]:
            return start_training(owner=owner, dataset=dataset_called(owner, order["dataset"]), **search)
        return train_on_sample(owner=owner, sample=SAMPLE_OF_SEARCHES, **search)

    def answer(self, run, model):
        return responses.searched(run, model)


class PredictLastView(PaidPredictionView):
    serializer_class = InputSerializer

    @extend_schema(
        operation_id="predict_last",
        tags=["searches"],
        summary="Predict one row with the model of the last search",
        parameters=[IDEMPOTENCY_KEY],
        responses=documented({200: responses.LastPredictedSerializer}, 400, 402, 409, 422),
    )
    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        model = request.user.trained_models.defer("report").last_search()
        if model is None:
            raise InvalidInput("There is no trained model yet: POST /api/train first.", code="not_trained")
        return self.answer_row(model, features_of(serializer.validated_data, model), responses.last_predicted)


class StatusView(APIView):
    @extend_schema(
        operation_id="search_status",
        tags=["searches"],
        summary="What the caller's last search made",
        responses={200: responses.SearchStatusSerializer},
    )
    def get(self, request):
        return Response(responses.status_of(request.user.trained_models.defer("report").last_search()))


def features_of(row: dict, model) -> dict:
    """The values by column: as given, or from a list in the order of the model's columns."""
    if "features" in row:
        return row["features"]
    names = [column["name"] for column in model.features]
    if len(row["input"]) != len(names):
        raise InvalidInput(
            f"The input has {len(row['input'])} values and the model takes {len(names)}, in this order: "
            f"{', '.join(names)}.",
            field="input",
        )
    return dict(zip(names, row["input"], strict=True))
