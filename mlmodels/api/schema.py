"""Parts that several endpoints share in the OpenAPI schema."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from mlmodels.api.answers import RefusalSerializer

REFUSALS = {
    400: "The input is wrong: `fields` names what. Nothing is charged.",
    402: "Too few tokens. Nothing is charged.",
    404: "There is no such thing among the caller's own.",
    409: "What is stored does not allow it now, such as a name that is taken.",
    413: "The file is larger than allowed. Nothing is charged.",
    422: "The training failed and is refunded, or the idempotency key was used with another body.",
    429: "Too many trainings wait already.",
}

PREFER = OpenApiParameter(
    "Prefer",
    location=OpenApiParameter.HEADER,
    description="`respond-async` answers 202 at once, with an address to ask how the training goes.",
)


def documented(success: dict, *refusals: int) -> dict:
    """The `responses` of an endpoint: what it answers, and the refusals to expect."""
    return success | {
        status: OpenApiResponse(RefusalSerializer, description=REFUSALS[status]) for status in refusals
    }
