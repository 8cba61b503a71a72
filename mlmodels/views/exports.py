"""A model to take away: its card, and its file in several formats."""

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from mlmodels.downloads import download
from mlmodels.lookups import owned_model
from mlmodels.model_card import as_markdown, sections
from mlplatform.core.errors import NotFound


@require_GET
def card(request, name):
    model = owned_model(request.user, name)
    context = {"section": "models", "model": model, "sections": sections(model)}
    return render(request, "mlmodels/model_card.html", context)


@require_GET
def card_file(request, name, file_format):
    model = owned_model(request.user, name)
    if file_format == "md":
        text, content_type = as_markdown(model), "text/markdown"
    elif file_format == "html":
        context = {"model": model, "sections": sections(model)}
        text, content_type = render_to_string("mlmodels/model_card_file.html", context), "text/html"
    else:
        raise NotFound("A model card is md or html.")
    disposition = f'attachment; filename="{model.name}-card.{file_format}"'
    return HttpResponse(
        text, content_type=f"{content_type}; charset=utf-8", headers={"Content-Disposition": disposition}
    )


@require_GET
def model_file(request, name, file_format):
    return download(owned_model(request.user, name), file_format)
