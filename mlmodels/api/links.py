"""Hyperlinks from one resource to another, null if the other is deleted or closed to the caller."""

from drf_spectacular.utils import OpenApiTypes, extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse


class UrlInList:
    """The URL of an object is that of its list and its name or id, which need no quoting.

    `reverse` for each object took a quarter of the time of a list.
    """

    def get_url(self, obj, view_name, request, format):
        urls = self.context.setdefault("urls of lists", {})
        name = view_name.replace("-detail", "-list")
        if name not in urls:
            urls[name] = reverse(name, request=request)
        return f"{urls[name]}/{getattr(obj, self.lookup_field)}"


class OwnLink(UrlInList, serializers.HyperlinkedIdentityField):
    """To the object itself."""


class Link(UrlInList, serializers.HyperlinkedRelatedField):
    def __init__(self, view_name: str, **options):
        super().__init__(view_name, read_only=True, allow_null=True, **options)


class OwnersLink(Link):
    """Null for users with whom the object is shared: only its owner may see what it links to."""

    def get_attribute(self, instance):
        is_owner = instance.owner_id == self.context["request"].user.pk
        return super().get_attribute(instance) if is_owner else None


class UsedModelLink(Link):
    """A link to the model that answered; null once it is no longer shared with the caller.

    Rows from the database are annotated with `may_use_model`; the model of a new row was just checked.
    """

    def __init__(self, **options):
        super().__init__("model-detail", source="model", lookup_field="name", **options)

    def get_attribute(self, instance):
        return super().get_attribute(instance) if getattr(instance, "may_use_model", True) else None


@extend_schema_field(OpenApiTypes.URI)
class ListLink(serializers.Field):
    """A link to one of the caller's lists, filtered by the id of the object."""

    def __init__(self, view_name: str, filter_name: str, **options):
        super().__init__(source="uuid", read_only=True, **options)
        self.view_name, self.filter_name = view_name, filter_name

    def to_representation(self, uuid):
        url = reverse(self.view_name, request=self.context["request"])
        return f"{url}?{self.filter_name}={uuid}"
