from rest_framework.negotiation import DefaultContentNegotiation

from mlplatform.json_parser import StrictJSONParser

NAMES_NOTHING = {"", "text/plain"}  # what clients send that do not think of it


class ContentNegotiation(DefaultContentNegotiation):
    """A body that nobody called anything is read as JSON where JSON is taken."""

    def select_parser(self, request, parsers):
        parser = super().select_parser(request, parsers)
        if parser is None and media_type_of(request) in NAMES_NOTHING:
            return next((each for each in parsers if isinstance(each, StrictJSONParser)), None)
        return parser


def media_type_of(request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()
