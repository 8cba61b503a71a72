"""Lists of datasets, training runs, models, predictions and workers, read-only but for priorities.

Nothing can be uploaded: a foreign pickle must never reach the loader. Staff cancel and delete through the
operations that pages and API use.
"""

from django.contrib import admin, messages
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from mlmodels.charts.plot import shorten
from mlmodels.models import (
    Batch,
    Dataset,
    Housekeeping,
    ModelAlias,
    ModelShare,
    OwnerPriority,
    Prediction,
    Priority,
    Promotion,
    ReportLink,
    TrainedModel,
    TrainingRun,
    Upload,
    Webhook,
    WebhookDelivery,
    Worker,
)
from mlmodels.operations import jobs
from mlmodels.operations.datasets import delete_dataset
from mlmodels.operations.trained_models import delete_model
from mlmodels.operations.uploads import delete_upload
from mlplatform.core.admin import BoundedAdmin, ReadOnlyAdmin, link_to, list_url
from mlplatform.core.errors import DomainError


def link_to_rows_of(row, model, field):
    """The list of `model`, filtered by the foreign key `field` to this row."""
    url = list_url(model._meta.label_lower, **{f"{field}__id__exact": row.pk})
    return format_html('<a href="{}">{}</a>', url, model._meta.verbose_name_plural)


class RowAdmin(ReadOnlyAdmin):
    """Lists rows without their `large_fields`, and shows all but `exclude`, then `extra_fields`."""

    large_fields = exclude = extra_fields = ()

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        is_list = request.resolver_match.url_name.endswith("_changelist")
        return rows.defer(*self.large_fields) if is_list else rows

    def get_fields(self, request, obj=None):
        shown = [field.name for field in self.opts.fields if field.name not in ("id", *self.exclude)]
        return [*shown, *self.extra_fields]

    @admin.display(description="ledger")
    def entries(self, row):
        """What was paid and refunded for it."""
        return format_html('<a href="{}">entries</a>', list_url("billing.ledgerentry", q=row.reference))

    @admin.display(description="owner", ordering="owner__email")
    def owner_link(self, row):
        return link_to(row.owner)

    @admin.display(description="model", ordering="model__name")
    def model_link(self, row):
        """If the model was deleted, its name."""
        return link_to(row.model) if row.model else row.model_name

    @admin.display(description="dataset", ordering="dataset__name")
    def dataset_link(self, row):
        return link_to(row.dataset)

    @admin.display(description="file")
    def file_name(self, row):
        """Not a link: no file has a URL."""
        return row.file.name

    @admin.display(description="size", ordering="size_bytes")
    def size(self, row):
        return filesizeformat(row.size_bytes)


class DeletableAdmin(RowAdmin):
    """`delete_model` calls the operation, which also deletes the file."""

    def has_delete_permission(self, request, obj=None):
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_queryset(self, request, queryset):
        for row in queryset:
            self.delete_model(request, row)


@admin.register(Dataset)
class DatasetAdmin(DeletableAdmin):
    list_display = [
        "name", "version", "owner_link", "row_count", "size", "sample", "created_at", "runs", "models",
    ]  # fmt: skip
    list_filter = ["sample", "created_at"]
    list_select_related = ["owner"]
    large_fields = ["columns", "first_rows", "dialect", "target_guess"]
    search_fields = ["name", "owner__email", "uuid", "sha256"]
    exclude = ["file", "first_rows"]
    extra_fields = ["file_name", "runs", "models"]

    def delete_model(self, request, obj):
        delete_dataset(dataset=obj)

    def runs(self, dataset):
        return link_to_rows_of(dataset, TrainingRun, "dataset")

    def models(self, dataset):
        return link_to_rows_of(dataset, TrainedModel, "dataset")


@admin.register(Upload)
class UploadAdmin(DeletableAdmin):
    """Large files that are being inspected, and for some days what became of them."""

    list_display = ["name", "owner_link", "status", "progress", "size", "attempt", "created_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__email", "uuid", "sha256"]
    exclude = ["file"]
    extra_fields = ["file_name"]

    def delete_model(self, request, obj):
        delete_upload(upload=obj)


class JobAdmin(RowAdmin):
    """What workers carry out. Its charge and refund are among its entries."""

    actions = ["cancel", "set_high_priority", "set_normal_priority", "set_low_priority"]

    def has_cancel_permission(self, request):
        """Rows are not edited here, so this is what staff who may change them may do."""
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Cancel and refund the selected jobs", permissions=["cancel"])
    def cancel(self, request, queryset):
        for job in queryset:
            try:
                jobs.cancel(job=job)
            except DomainError as refusal:
                self.message_user(request, f"{job.title}: {refusal}", messages.WARNING)
            else:
                self.log_change(request, job, "Requested the cancellation.")
                self.message_user(request, f"{job.title}: cancellation requested.", messages.SUCCESS)

    @admin.action(description="Queue the selected jobs before all others", permissions=["administer"])
    def set_high_priority(self, request, queryset):
        self._set_priority(request, queryset, Priority.HIGH)

    @admin.action(description="Queue the selected jobs among the others", permissions=["administer"])
    def set_normal_priority(self, request, queryset):
        self._set_priority(request, queryset, Priority.NORMAL)

    @admin.action(description="Queue the selected jobs after all others", permissions=["administer"])
    def set_low_priority(self, request, queryset):
        self._set_priority(request, queryset, Priority.LOW)

    def _set_priority(self, request, queryset, priority):
        for job in queryset:
            try:
                jobs.set_priority(job=job, priority=priority)
            except DomainError as refusal:
                self.message_user(request, f"{job.title}: {refusal}", messages.WARNING)
            else:
                self.log_change(request, job, f"Set the priority to {priority.label}.")
                self.message_user(request, f"{job.title}: priority {priority.label}.", messages.SUCCESS)

    @admin.display(empty_value="-")
    def started_by(self, job):
        """The door, and the request or the command: the logs are searched by the id of the request."""
        named = {"request_id": "request", "key": "key", "command": "manage.py"}
        known = [f"{word} {job.origin[name]}" for name, word in named.items() if job.origin.get(name)]
        return " · ".join([job.origin["door"], *known]) if job.origin else None

    @admin.display(description="progress", ordering="progress")
    def percent(self, job):
        return f"{job.progress:.0%}"

    def seconds(self, job):
        return f"{job.seconds_so_far:.1f}"

    @admin.display(description="error", ordering="error")
    def short_error(self, job):
        return shorten(job.error, 60)


@admin.register(TrainingRun)
class TrainingRunAdmin(JobAdmin):
    list_display = [
        "model_name", "status", "priority", "percent", "owner_link", "dataset_link", "algorithm", "task",
        "attempt", "created_at", "started_by", "seconds", "short_error", "entries",
    ]  # fmt: skip
    list_filter = ["status", "priority", "algorithm", "task", "is_search", "error_code", "created_at"]
    list_select_related = ["owner", "dataset"]
    large_fields = ["plan", "candidates", "dataset__columns", "dataset__first_rows", "dataset__dialect"]
    search_fields = ["model_name", "uuid", "owner__email", "dataset__name", "error", "origin__request_id"]
    exclude = ["features", "target_column", "origin"]
    extra_fields = ["started_by", "model_link", "entries"]

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
    exclude = ["file", "report", "signature"]
    extra_fields = ["file_name", "predictions"]

    def delete_model(self, request, obj):
        delete_model(model=obj)

    @admin.display(description="score (baseline)")
    def score(self, model):
        """Some metrics do not exist, such as the R² of a single row."""
        name = "r2_score" if model.task == "regression" else "accuracy"
        values = [figures.get(name) for figures in (model.metrics, model.baseline)]
        return "{} {} ({})".format(name, *("-" if value is None else f"{value:.3f}" for value in values))

    def predictions(self, model):
        return link_to_rows_of(model, Prediction, "model")


class PromotionInline(admin.TabularInline):
    model = Promotion
    fields = readonly_fields = ["model_name", "model", "promoted_at"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(ModelAlias)
class ModelAliasAdmin(RowAdmin):
    list_display = ["name", "owner_link", "model_link", "created_at"]
    list_select_related = ["owner", "model"]
    search_fields = ["name", "owner__email", "model__name"]
    inlines = [PromotionInline]


@admin.register(Prediction)
class PredictionAdmin(RowAdmin):
    list_display = ["uuid", "owner_link", "model_link", "cost_tokens", "created_at", "erased_at", "entries"]
    extra_fields = ["entries"]
    list_filter = ["created_at", "erased_at"]
    list_select_related = ["owner", "model"]
    large_fields = ["inputs", "output", "model__report", "model__features", "model__metrics"]
    search_fields = ["=uuid", "=model_name", "=owner__email"]


@admin.register(Batch)
class BatchAdmin(JobAdmin):
    list_display = [
        "name", "status", "priority", "percent", "owner_link", "model_link", "row_count", "unreadable_rows",
        "cost_tokens", "attempt", "created_at", "started_by", "seconds", "short_error", "erased_at",
        "entries",
    ]  # fmt: skip
    list_filter = ["status", "priority", "error_code", "created_at", "erased_at"]
    list_select_related = ["owner", "model"]
    large_fields = ["reading", "faults", "first_rows", "preview", "model__report", "model__features"]
    search_fields = ["name", "uuid", "model_name", "owner__email", "error", "origin__request_id"]
    exclude = ["file", "answer", "reading", "faults", "first_rows", "preview", "origin"]
    extra_fields = ["started_by", "model_link", "entries"]


@admin.register(OwnerPriority)
class OwnerPriorityAdmin(BoundedAdmin):
    """Users whose jobs go before or after those of all others, as administrators decide."""

    list_display = ["owner", "priority"]
    list_select_related = ["owner"]
    raw_id_fields = ["owner"]
    search_fields = ["=owner__email"]

    def get_readonly_fields(self, request, obj=None):
        return ["owner"] if obj else []

    def save_model(self, request, obj, form, change):
        jobs.set_priority_of_owner(owner=obj.owner, priority=Priority(obj.priority))

    def has_add_permission(self, request):
        return request.user.is_administrator

    def has_change_permission(self, request, obj=None):
        return request.user.is_administrator

    def has_delete_permission(self, request, obj=None):
        return request.user.is_administrator


@admin.register(ModelShare)
class ModelShareAdmin(RowAdmin):
    list_display = ["email", "model_link", "account_link", "created_at", "revoked_at"]
    list_select_related = ["model", "shared_with"]
    search_fields = ["=email", "=model__name", "=model__owner__email"]

    @admin.display(description="account")
    def account_link(self, share):
        return link_to(share.shared_with)


@admin.register(ReportLink)
class ReportLinkAdmin(RowAdmin):
    list_display = ["uuid", "model_link", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["model"]
    search_fields = ["=model__name", "=model__owner__email"]
    exclude = ["hash"]


@admin.register(Webhook)
class WebhookAdmin(RowAdmin):
    """Hides the secret: whoever has it can send requests that the receiver trusts."""

    list_display = ["url", "owner_link", "event_names", "created_at", "deliveries"]
    list_select_related = ["owner"]
    search_fields = ["url", "=owner__email", "=uuid"]
    exclude = ["secret"]
    extra_fields = ["deliveries"]

    @admin.display(description="events")
    def event_names(self, webhook):
        return ", ".join(webhook.events)

    def deliveries(self, webhook):
        return link_to_rows_of(webhook, WebhookDelivery, "webhook")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(RowAdmin):
    list_display = ["uuid", "webhook_link", "event", "reference", "status", "created_at", "last_attempt"]
    list_filter = ["status", "event", "created_at"]
    list_select_related = ["webhook"]
    large_fields = ["body"]
    search_fields = ["=uuid", "=reference", "=webhook__owner__email"]

    @admin.display(description="webhook")
    def webhook_link(self, delivery):
        return link_to(delivery.webhook)


@admin.register(Worker)
class WorkerAdmin(RowAdmin):
    list_display = ["name", "started_at", "seen_at", "seconds_silent"]
    search_fields = ["name"]
    extra_fields = ["seconds_silent"]

    @admin.display(description="last seen (seconds ago)", ordering="-seen_at")
    def seconds_silent(self, worker):
        return f"{(timezone.now() - worker.seen_at).total_seconds():.0f}"


@admin.register(Housekeeping)
class HousekeepingAdmin(RowAdmin):
    list_display = ["started_at", "day", "done_by", "finished_at", "failed"]
    exclude = ["steps"]
    extra_fields = ["steps_done"]

    def failed(self, done):
        return ", ".join(done.failed_steps)

    @admin.display(description="steps")
    def steps_done(self, done):
        """A line for each step."""
        lines = ((step["name"], "" if step["is_done"] else "FAILED ", step["detail"]) for step in done.steps)
        return format_html_join(mark_safe("<br>"), "{}: {}{}", lines)
