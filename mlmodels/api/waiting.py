"""Answering for a training: what came of it, or, when that takes too long, where to ask for it."""

import time
from contextlib import contextmanager

from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.reverse import reverse

from billing import idempotency
from billing.api.idempotency import idempotent_request, replay
from mlmodels.api import responses
from mlmodels.models import TrainingRun
from mlmodels.operations.training import wait_for_run
from mlplatform.core.errors import Conflict, DomainError, Unprocessable

WAIT_SECONDS_MAX = 60


class TrainingFailed(Unprocessable):
    """The order was fine and training on this table did not work; it is refunded."""

    code = "training_failed"


class TrainingCancelled(Conflict):
    code = "training_cancelled"


class TrainingView(GenericAPIView):
    """Starts a paid training and answers for it.

    Sent again under the same Idempotency-Key, the request starts nothing and answers for the first training.
    """

    throttle_scope = "training"
    field_names = {}  # what the operations call an input: what this endpoint calls it

    def start(self, order, idempotency) -> TrainingRun:
        """Reads `order`, the validated input, and starts a training."""
        raise NotImplementedError

    def answer(self, run, model) -> dict:
        """The body that tells of a training that ended in `model`."""
        raise NotImplementedError

    def setup(self, request, *args, **kwargs):
        """The time runs from here: reading and inspecting the table are part of what a client waits for."""
        super().setup(request, *args, **kwargs)
        self.answer_by = time.monotonic() + WAIT_SECONDS_MAX

    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = idempotent_request(request)
        earlier = idempotency.find(user=request.user, request=asked)
        if earlier is None:
            try:
                with in_the_words_of(self.field_names):
                    run = self.start(serializer.validated_data, asked)
                return self.respond(run, asked)
            except idempotency.RequestRepeated as repeated:
                earlier = repeated.earlier
        return self.respond_again(earlier, asked)

    def respond(self, run, asked) -> Response:
        if prefers_not_to_wait(self.request):
            return self.accepted(run, headers={"Preference-Applied": "respond-async"})
        run = wait_for_run(run=run, seconds=max(0, self.answer_by - time.monotonic()))
        if run.is_open:
            return self.accepted(run)
        body = self.answer(run, model_of(run))
        idempotency.store_answer(user=self.request.user, request=asked, body=body)
        return Response(body)

    def respond_again(self, earlier, asked) -> Response:
        """The stored answer, or what came by now of the training that the first request started."""
        if earlier.is_answered:
            return replay(earlier)
        response = self.respond(run_of(earlier), asked)
        response["Idempotency-Replayed"] = "true"
        return response

    def accepted(self, run, headers=None) -> Response:
        url = reverse("run-detail", kwargs={"uuid": run.uuid}, request=self.request)
        return Response(
            responses.accepted(run, url), status=202, headers={"Location": url, **(headers or {})}
        )


def run_of(earlier: idempotency.EarlierRequest) -> TrainingRun:
    return TrainingRun.objects.get(uuid=earlier.reference.removeprefix("run:"))


def model_of(run: TrainingRun):
    """What an ended run made, or the refusal that says why it made nothing."""
    if run.status == TrainingRun.Status.FAILED:
        raise TrainingFailed(f"The training failed and is refunded: {run.error}", code=run.error_code)
    if run.status == TrainingRun.Status.CANCELLED:
        raise TrainingCancelled("The training was cancelled and is refunded.")
    model = run.owner.trained_models.filter(uuid=run.made_model_uuid).defer("report").first()
    if model is None:
        raise Conflict(f'The model "{run.model_name}" was deleted already.')
    return model


def prefers_not_to_wait(request) -> bool:
    """The header Prefer of RFC 7240: several preferences, each perhaps with parameters."""
    preferences = request.headers.get("Prefer", "").split(",")
    return "respond-async" in {preference.partition(";")[0].strip().lower() for preference in preferences}


@contextmanager
def in_the_words_of(field_names: dict[str, str]):
    """A refusal names its fields as the caller wrote them."""
    try:
        yield
    except DomainError as refusal:
        refusal.fields = {field_names.get(name, name): words for name, words in refusal.fields.items()}
        raise
