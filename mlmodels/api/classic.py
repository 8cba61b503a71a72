"""The endpoints of the two services that this one replaces: clients change nothing but their base URL."""

from itertools import chain

from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.api.idempotency import IDEMPOTENCY_KEY, answer_or_replay, idempotent_request
from billing.idempotency import earlier_answer_first
from mlmodels.api import responses
from mlmodels.api.plain import Offer
from mlmodels.api.serializers import (
    CreateSerializer,
    FeaturesSerializer,
    InputSerializer,
    SearchSerializer,
    file_sent_as,
)
from mlmodels.api.waiting import TrainingView, training_schema
from mlmodels.learning.trainers import parameter_types
from mlmodels.lookups import dataset_called, owned_model, usable_model_for_scoring
from mlmodels.models import TrainedModel
from mlmodels.operations.predictions import predict
from mlmodels.operations.trained_models import delete_model
from mlmodels.operations.training import start_training, train_on_sample, train_on_upload
from mlplatform.core.api import validated
from mlplatform.core.api_schema import CLASSIC
from mlplatform.core.errors import InvalidInput

SAMPLE_OF_SEARCHES = "iris_numbered"  # its classes are numbers, as existing clients expect
NAMES = {"type": "array", "items": {"type": "string"}}


class ListAlgorithmsView(APIView):
    tags = [CLASSIC]
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(summary="List algorithms and their parameters", responses=OpenApiTypes.OBJECT)
    def get(self, request):
        return Response({name: {"params": types} for name, types in parameter_types().items()})


@training_schema("Train a model on a CSV file", responses.CreatedSerializer)
class CreateModelView(TrainingView):
    tags = [CLASSIC]
    serializer_class = CreateSerializer
    parser_classes = [MultiPartParser]
    field_names = {
        "algorithm": "model_type",
        "features": "feature_cols",
        "target": "label_col",
        "model_name": "model_filename",
        "parameters": "optional_params",
    }

    def start(self, data, idempotency):
        options = {name: data[sent_as] for name, sent_as in self.field_names.items()}
        with file_sent_as("csv_file"):
            return train_on_upload(
                owner=self.request.user,
                upload=data["csv_file"],
                name=data["csv_file"].name,
                is_replaceable=True,
                train_percentage=data["train_percentage"],
                is_classic=True,
                idempotency=idempotency,
                **options,
            )

    def answer(self, run, model):
        return responses.created(run, model)


class ListTrainedView(APIView):
    tags = [CLASSIC]

    @extend_schema(
        summary="List the names of your models and their aliases, newest models first",
        responses={200: NAMES},
    )
    def get(self, request):
        models = TrainedModel.objects.owned_by(request.user).newest_first().only("name", "created_at")
        names = [[model.name, *map(str, model.aliases.all())] for model in models.prefetch_related("aliases")]
        return Response(list(chain.from_iterable(names)))


class DescribeTrainedView(APIView):
    tags = [CLASSIC]

    @extend_schema(summary="Describe a model", responses=responses.TrainedModelSerializer)
    def get(self, request, model_name):
        return Response(responses.TrainedModelSerializer(owned_model(request.user, model_name)).data)


class DeleteTrainedView(APIView):
    tags = [CLASSIC]
    refusals = [409]

    @extend_schema(summary="Delete a model and its file", responses={200: responses.DeletedSerializer})
    def delete(self, request, model_name):
        delete_model(model=owned_model(request.user, model_name))
        return Response({"status": "success", "message": f'The model "{model_name}" was deleted.'})


@training_schema("Find the best parameters of an algorithm by cross-validation", responses.SearchedSerializer)
class SearchView(TrainingView):
    tags = [CLASSIC]
    serializer_class = SearchSerializer
    field_names = {"grid": "params"}

    def start(self, data, idempotency):
        owner = self.request.user
        options = {
            "owner": owner,
            "algorithm": data["algorithm"],
            "target": data["target"] or None,
            "grid": data.get("params") or data.get("param_grid") or {},
            "is_classic": True,
            "idempotency": idempotency,
        }
        if data["dataset"]:
            return start_training(dataset=dataset_called(owner, data["dataset"]), **options)
        return train_on_sample(sample=SAMPLE_OF_SEARCHES, **options)

    def answer(self, run, model):
        return responses.searched(model)


class SearchStatusView(APIView):
    tags = [CLASSIC]

    @extend_schema(summary="Show your last search", responses=responses.SearchStatusSerializer)
    def get(self, request):
        return Response(responses.status_of(TrainedModel.objects.owned_by(request.user).last_search()))


class PredictionView(GenericAPIView):
    """Predicts one row with one model. A prediction is charged if and only if it is stored."""

    tags = [CLASSIC]
    refusals = [402, 409, 422]

    def predict(self, find, answer) -> Response:
        """The body that `answer` makes of the prediction, or the stored one of a repeated request.

        `find` returns the model and the row, and may refuse: what was bought is still answered.
        """
        owner, idempotency = self.request.user, idempotent_request(self.request)

        def work():
            with earlier_answer_first(user=owner, request=idempotency):
                model, features = find()
            prediction = predict(
                owner=owner, model=model, features=features, idempotency=idempotency, body_of=answer
            )
            return Response(answer(prediction))

        return answer_or_replay(work)


class PredictView(PredictionView):
    serializer_class = FeaturesSerializer

    @classmethod
    def as_view(cls, **options):
        view = super().as_view(**options)
        view.offer = Offer(predict, plain_features, responses.predicted, "model_name")
        return view

    @extend_schema(
        summary="Predict one row with a model",
        responses=responses.PredictedSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request, model_name):
        features = validated(self)["features"]

        def find():
            return usable_model_for_scoring(request.user, model_name), features

        return self.predict(find, responses.predicted)


def plain_features(data: dict) -> dict | None:
    features = data.get("features")
    return {"features": features} if isinstance(features, dict) else None


class PredictLastView(PredictionView):
    serializer_class = InputSerializer

    @extend_schema(
        summary="Predict one row with the model of your last search",
        responses=responses.LastPredictedSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request):
        data = validated(self)

        def find():
            model = TrainedModel.objects.owned_by(request.user).last_search()
            if model is None:
                raise InvalidInput(
                    "You have no trained model yet: POST /api/train first.", code="not_trained"
                )
            return model, features_of(data, model)

        return self.predict(find, responses.last_predicted)


def features_of(data: dict, model: TrainedModel) -> dict:
    """The values by column: as sent, or from a list in the order of the model's columns."""
    if "features" in data:
        return data["features"]
    values, names = data["input"], model.feature_names
    if len(values) != len(names):
        raise InvalidInput(
            f"The input has {len(values)} values and the model takes {len(names)}, in this order: "
            f"{', '.join(names)}.",
            field="input",
        )
    return dict(zip(names, values, strict=True))
