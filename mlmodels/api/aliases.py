"""Aliases of a model: the other names under which it answers."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.response import Response

from mlmodels.api.links import Link
from mlmodels.lookups import owned_alias
from mlmodels.models import ModelAlias, Promotion
from mlmodels.operations.aliases import alias_name_for, promote, remove_alias
from mlplatform.core.errors import NotFound

ALIAS = OpenApiParameter(
    "alias",
    str,
    OpenApiParameter.PATH,
    description="With or without your number in front. It may be the name of another model.",
)


class PromotionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Promotion
        fields = ["model_name", "promoted_at"]


class AliasSerializer(serializers.ModelSerializer):
    """An additional name of a model, and the models that have answered under it, latest first."""

    model = serializers.CharField(source="model.name")
    model_url = Link("model-detail", source="model", lookup_field="name")
    history = PromotionSerializer(source="promotions", many=True)

    class Meta:
        model = ModelAlias
        fields = ["name", "model", "model_url", "created_at", "history"]


class AliasActionsMixin:
    """Lists, sets and removes aliases, for the view set of models."""

    @extend_schema(
        operation_id="list_aliases",
        summary="List the aliases of a model",
        responses=AliasSerializer(many=True),
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def aliases(self, request, name):
        context = self.get_serializer_context()
        aliases = self.get_object().aliases.select_related("model").prefetch_related("promotions")
        return Response(AliasSerializer(aliases, many=True, context=context).data)

    @extend_schema(
        operation_id="promote_model",
        summary="Let a model answer under an alias; programs that call the alias need no change",
        parameters=[ALIAS],
        request=None,
        responses=AliasSerializer,
    )
    @action(detail=True, methods=["put"], url_path="aliases/<str:alias>")
    def alias(self, request, name, alias):
        promoted = promote(model=self.get_object(), name=alias)
        return Response(AliasSerializer(promoted, context=self.get_serializer_context()).data)

    @extend_schema(
        operation_id="remove_alias", parameters=[ALIAS], summary="Remove an alias; its model stays"
    )
    @alias.mapping.delete
    def remove_alias(self, request, name, alias):
        model = self.get_object()
        found = owned_alias(request.user, alias_name_for(owner_id=model.owner_id, wanted=alias))
        if found.model_id != model.pk:
            raise NotFound(f'"{model.name}" does not answer under this name.')
        remove_alias(alias=found)
        return Response(status=status.HTTP_204_NO_CONTENT)
