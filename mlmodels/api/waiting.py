"""Endpoints that start a job, which answer with its result or its URL, and what resources of jobs share."""

import logging
import time
from abc import ABC, abstractmethod

from django.db import Error as DatabaseFailure
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.reverse import reverse

from billing import idempotency as idempotency_keys
from billing.api.idempotency import IDEMPOTENCY_KEY, idempotent_request, replay
from mlmodels.api import responses
from mlmodels.errors import TrainingCancelled, TrainingFailed
from mlmodels.models import TrainedModel, TrainingRun
from mlmodels.operations import jobs
from mlmodels.operations.jobs import wait_for_end
from mlplatform.core.api import validated
from mlplatform.core.errors import Conflict, DomainError

WAIT_SECONDS_MAX = 60
ASK_AGAIN = {"Retry-After": "2"}  # seconds
LONG_POLL_SECONDS_MAX = 30
PREFER = OpenApiParameter(
    "Prefer",
    location=OpenApiParameter.HEADER,
    description="`respond-async` answers 202 at once, with the URL of the training run.",
)

log = logging.getLogger(__name__)


def training_schema(summary: str, answer):
    """Describes a TrainingView in the OpenAPI schema."""
    return extend_schema_view(
        post=extend_schema(
            summary=summary,
            parameters=[IDEMPOTENCY_KEY, PREFER],
            responses={200: answer, 202: responses.AcceptedSerializer},
        )
    )


class TrainingView(ABC, GenericAPIView):
    """Starts a paid training run and waits for its result.

    A repeated Idempotency-Key starts nothing and answers with the result of the first run.
    """

    throttle_scope = "training"
    refusals = [402, 409, 413, 422, 429]
    field_names = {}  # name of an input in the operations: its name in this endpoint

    @abstractmethod
    def start(self, data, idempotency) -> TrainingRun:
        """Starts a run from the validated input."""

    @abstractmethod
    def answer(self, run, model) -> dict:
        """The body for a run that made `model`."""

    def setup(self, request, *args, **kwargs):
        """The client's wait includes reading and inspecting the file."""
        super().setup(request, *args, **kwargs)
        self.answer_by = time.monotonic() + WAIT_SECONDS_MAX

    def post(self, request):
        sent, idempotency = validated(self), idempotent_request(request)
        earlier = idempotency_keys.find(user=request.user, request=idempotency)
        if earlier is None:
            try:
                run = self.start(sent, idempotency)
                return self.result(run, idempotency)
            except idempotency_keys.RequestRepeated as repeated:
                earlier = repeated.earlier
            except DomainError as refusal:
                refusal.rename_fields(self.field_names)
                raise
        if earlier.is_answered:
            return replay(earlier)
        response = self.result(TrainingRun.objects.get(uuid=earlier.identifier), idempotency)
        response["Idempotency-Replayed"] = "true"
        return response

    def result(self, run, idempotency) -> Response:
        """The result of the run, or 202 if it takes too long. The run is committed and charged by now."""
        if prefers_not_to_wait(self.request):
            return self.accepted(run, **{"Preference-Applied": "respond-async"})
        try:
            run = wait_for_end(job=run, seconds=max(0, self.answer_by - time.monotonic()))
            if run.is_open:
                return self.accepted(run)
            body = self.answer(run, model_of(run))
            idempotency_keys.store_answer(user=self.request.user, request=idempotency, body=body)
        except DatabaseFailure as error:
            log.warning("The database failed while a request waited: %s", type(error).__name__)
            return self.accepted(run)
        return Response(body)

    def accepted(self, run, **headers) -> Response:
        url = reverse("run-detail", kwargs={"uuid": run.uuid}, request=self.request)
        return Response(
            responses.accepted(run, url), status=202, headers={"Location": url, **ASK_AGAIN, **headers}
        )


class WaitForEndMixin:
    """Shows what workers carry out, on request when it has ended."""

    def retrieve(self, request, uuid):
        job = self.get_object()
        if (seconds := preferred_wait(request)) and job.is_open:
            wait_for_end(job=job, seconds=seconds)
            job = self.get_object()
        return Response(self.get_serializer(job).data)


class JobActionsMixin(WaitForEndMixin):
    """Cancels a job as well: for the view sets of runs and batches."""

    @action(detail=True, methods=["post"])
    def cancel(self, request, uuid):
        jobs.cancel(job=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)


def accepted_job(request, start, owned_job, serializer_class) -> Response:
    """202 with the job that `start` makes, or with the first one of a repeated Idempotency-Key."""
    idempotency, headers = idempotent_request(request), {}
    earlier = idempotency_keys.find(user=request.user, request=idempotency)
    if earlier is None:
        try:
            job = start(idempotency)
        except idempotency_keys.RequestRepeated as repeated:
            earlier = repeated.earlier
    if earlier is not None:
        job, headers = owned_job(request.user, earlier.identifier), {"Idempotency-Replayed": "true"}
    body = serializer_class(job, context={"request": request}).data
    return Response(body, status=202, headers={"Location": str(body["url"]), **ASK_AGAIN, **headers})


def model_of(run: TrainingRun):
    """The model of a run that ended, or the refusal that says why there is none."""
    if run.status == TrainingRun.Status.FAILED:
        raise TrainingFailed(f"The training run failed and was refunded: {run.error}", code=run.error_code)
    if run.status == TrainingRun.Status.CANCELLED:
        raise TrainingCancelled("The training run was cancelled and refunded.")
    model = TrainedModel.objects.filter(uuid=run.made_model_uuid).first()
    if model is None:
        raise Conflict(f'The model "{run.model_name}" has already been deleted.')
    return model


def prefers_not_to_wait(request) -> bool:
    return "respond-async" in preferences_of(request)


def preferred_wait(request) -> float:
    """The seconds of `Prefer: wait=SECONDS`, at most LONG_POLL_SECONDS_MAX; 0 without it."""
    seconds = preferences_of(request).get("wait", "")
    return min(int(seconds), LONG_POLL_SECONDS_MAX) if seconds.isdecimal() else 0


def preferences_of(request) -> dict[str, str]:
    """The header Prefer of RFC 7240: names in lower case, with their values."""
    listed = (preference.partition(";")[0] for preference in request.headers.get("Prefer", "").split(","))
    pairs = (preference.partition("=") for preference in listed)
    return {name.strip().lower(): value.strip(' "') for name, _, value in pairs}
