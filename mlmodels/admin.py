"""Read-only lists of datasets, training runs, models, predictions and workers.

Nothing can be uploaded: a foreign pickle must never reach the loader. Staff cancel and delete through the
same operations as pages and API.
"""

from django.contrib import admin, messages
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from mlmodels.models import Dataset, Prediction, TrainedModel, TrainingRun, Worker
from mlmodels.operations.datasets import delete_dataset
from mlmodels.operations.trained_models import delete_model
from mlmodels.operations.training import cancel_run
from mlplatform.core.admin import BoundedPaginator
from mlplatform.core.errors import DomainError


def link_to(thing, text=None):
    if thing is None:
        return "-"
    meta = thing._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[thing.pk])
    return format_html('<a href="{}">{}</a>', address, text or thing)


def link_to_list(model, text, **lookups):
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist", query=lookups)
    return format_html('<a href="{}">{}</a>', address, text)


def as_number(value):
    """Some metrics do not exist, such as the R² of a single row."""
    return "-" if value is None else f"{value:.3f}"


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and shows. `large_fields` stay out of the list's query."""

    large_fields = ()
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        is_list = request.resolver_match.url_name.endswith("_changelist")
        return rows.defer(*self.large_fields) if is_list else rows

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @admin.display(description="owner", ordering="owner__email")
    def owner_link(self, row):
        return link_to(row.owner)

    @admin.display(description="dataset", ordering="dataset__name")
    def dataset_link(self, row):
        return link_to(row.dataset)

    @admin.display(description="file")
    def file_name(self, row):
        """The name alone: files lie outside everything that is served."""
        return row.file.name

    @admin.display(description="size", ordering="size_bytes")
    def size(self, row):
        return filesizeformat(row.size_bytes)


class DeletableAdmin(ReadOnlyAdmin):
    """A subclass deletes in `delete_model`, by the operation that deletes the file too."""

    def has_delete_permission(self, request, obj=None):
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_queryset(self, request, queryset):
        for row in queryset:
            self.delete_model(request, row)


@admin.register(Dataset)
class DatasetAdmin(DeletableAdmin):
    list_display = ["name", "owner_link", "row_count", "size", "sample", "created_at", "runs", "models"]
    list_filter = ["sample", "created_at"]
    list_select_related = ["owner"]
    large_fields = ["columns", "first_rows", "dialect", "target_guess"]
    search_fields = ["name", "owner__email", "uuid", "sha256"]
    fields = [
        "name", "uuid", "owner_link", "sample", "created_at", "row_count", "columns", "target_guess",
        "dialect", "file_name", "size", "sha256", "runs", "models",
    ]  # fmt: skip

    def delete_model(self, request, obj):
        delete_dataset(dataset=obj)

    @admin.display(description="training runs")
    def runs(self, dataset):
        return link_to_list(TrainingRun, "runs", dataset__id__exact=dataset.pk)

    @admin.display(description="models")
    def models(self, dataset):
        return link_to_list(TrainedModel, "models", dataset__id__exact=dataset.pk)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = [
        "model_name", "status", "percent", "owner_link", "dataset_link", "algorithm", "task", "attempt",
        "created_at", "seconds", "short_error",
    ]  # fmt: skip
    list_filter = ["status", "algorithm", "task", "is_search", "error_code", "created_at"]
    list_select_related = ["owner", "dataset"]
    large_fields = ["plan", "candidates", "dataset__columns", "dataset__first_rows", "dataset__dialect"]
    search_fields = ["model_name", "uuid", "owner__email", "dataset__name", "error"]
    actions = ["cancel"]
    fields = [
        "uuid", "owner_link", "model_name", "status", "percent", "progress_note", "error", "error_code",
        "model_link", "dataset_link", "algorithm", "task", "target", "is_search", "cost_tokens", "plan",
        "candidates", "attempt", "worker", "lease_until", "cancel_requested_at", "created_at", "started_at",
        "finished_at",
    ]  # fmt: skip

    @admin.action(description="Cancel and refund the selected runs")
    def cancel(self, request, queryset):
        for run in queryset:
            try:
                cancel_run(run=run)
            except DomainError as refusal:
                self.message_user(request, f"{run.model_name}: {refusal}", messages.WARNING)
            else:
                self.message_user(request, f"{run.model_name}: cancellation requested.", messages.SUCCESS)

    @admin.display(description="progress", ordering="progress")
    def percent(self, run):
        return f"{run.progress:.0%}"

    @admin.display(description="seconds")
    def seconds(self, run):
        if run.started_at is None:
            return "-"
        return f"{((run.finished_at or timezone.now()) - run.started_at).total_seconds():.1f}"

    @admin.display(description="error", ordering="error")
    def short_error(self, run):
        return run.error[:120] or "-"

    @admin.display(description="model")
    def model_link(self, run):
        return link_to(TrainedModel.objects.filter(run=run).first())


@admin.register(TrainedModel)
class TrainedModelAdmin(DeletableAdmin):
    list_display = [
        "name", "label", "owner_link", "algorithm", "task", "score", "dataset_link", "size", "is_compiled",
        "created_at", "predictions",
    ]  # fmt: skip
    list_filter = ["algorithm", "task", "is_compiled", "created_at"]
    list_select_related = ["owner", "dataset"]
    large_fields = [
        "report", "features", "target", "parameters", "search", "library_versions", "dataset__columns",
        "dataset__first_rows", "dataset__dialect",
    ]  # fmt: skip
    search_fields = ["name", "label", "uuid", "owner__email", "dataset__name", "sha256"]
    fields = [
        "name", "label", "uuid", "owner_link", "run_link", "dataset_link", "algorithm", "task", "target",
        "features", "parameters", "metrics", "baseline", "search", "file_name", "file_format", "size",
        "sha256", "key_id", "library_versions", "is_compiled", "created_at", "predictions",
    ]  # fmt: skip

    def delete_model(self, request, obj):
        delete_model(model=obj)

    @admin.display(description="score (baseline)")
    def score(self, model):
        measure = "r2_score" if model.task == "regression" else "accuracy"
        return f"{measure} {as_number(model.metrics.get(measure))} ({as_number(model.baseline.get(measure))})"

    @admin.display(description="training run")
    def run_link(self, model):
        return link_to(model.run)

    @admin.display(description="predictions")
    def predictions(self, model):
        return link_to_list(Prediction, "predictions", model__id__exact=model.pk)


@admin.register(Prediction)
class PredictionAdmin(ReadOnlyAdmin):
    list_display = ["uuid", "owner_link", "model_link", "cost_tokens", "created_at", "erased_at"]
    list_filter = ["created_at", "erased_at"]
    list_select_related = ["owner", "model"]
    large_fields = ["inputs", "output", "model__report", "model__features", "model__metrics"]
    search_fields = ["=uuid", "=model_name", "=owner__email"]
    fields = [
        "uuid", "owner_link", "model_link", "model_name", "inputs", "output", "cost_tokens", "created_at",
        "erased_at",
    ]  # fmt: skip

    @admin.display(description="model", ordering="model_name")
    def model_link(self, prediction):
        return link_to(prediction.model) if prediction.model else prediction.model_name


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "started_at", "seen_at", "seconds_silent"]
    search_fields = ["name"]
    fields = ["name", "started_at", "seen_at", "seconds_silent"]

    @admin.display(description="last seen (seconds ago)", ordering="-seen_at")
    def seconds_silent(self, worker):
        return f"{(timezone.now() - worker.seen_at).total_seconds():.0f}"
