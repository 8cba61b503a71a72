"""The dashboard of the admin: how the installation is doing, in a constant number of queries."""

import shutil
from datetime import timedelta

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import TruncDate
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing.models import LedgerEntry
from mlmodels.models import KINDS, Dataset, Housekeeping, TrainedModel, Worker
from mlmodels.models.jobs import Job
from mlplatform.core.admin import list_url

DAYS = 14
ROUTES_SHOWN = 10
Status = Job.Status
Kind = LedgerEntry.Kind


@require_GET
def dashboard(request):
    if not request.user.is_administrator:
        raise PermissionDenied
    since = timezone.now() - timedelta(days=1)
    context = {
        **admin.site.each_context(request),
        "title": "Dashboard",
        "queues": [queue(kind) for kind in KINDS],
        "workers": workers(),
        "failures": [reason for kind in KINDS for reason in failures(kind, since)],
        "tokens": tokens_by_day(),
        "disk": disk(),
        "housekeeping": Housekeeping.objects.first(),
        "routes": slowest_routes(),
        "has_metrics": bool(settings.METRICS_KEY),
    }
    return TemplateResponse(request, "mlplatform/dashboard.html", context)


def queue(kind) -> dict:
    """How many jobs of this kind wait and run, and since when the oldest of them has waited."""
    counts = kind.objects.open().aggregate(
        queued=Count("pk", filter=Q(status=Status.QUEUED)),
        running=Count("pk", filter=Q(status=Status.RUNNING)),
        oldest=Min("created_at", filter=Q(status=Status.QUEUED)),
    )
    return {**counts, "kind": kind._meta.verbose_name_plural, "url": list_url(kind._meta.label_lower)}


def workers() -> list[dict]:
    """Those that are alive, each with the job that it carries out, if it does."""
    running = {job.worker: job for kind in KINDS for job in kind.objects.filter(status=Status.RUNNING)}
    return [
        {"name": worker.name, "seen_at": worker.seen_at, "job": running.get(worker.name)}
        for worker in Worker.objects.alive()
    ]


def failures(kind, since) -> list[dict]:
    """Of jobs of this kind, by reason, the most frequent first."""
    failed = kind.objects.filter(status=Status.FAILED, finished_at__gt=since)
    reasons = failed.order_by().values("error_code").annotate(times=Count("pk"), latest=Max("finished_at"))
    filters = {"status": Status.FAILED, "finished_at__gt": since}
    return [
        {
            **reason,
            "kind": kind._meta.verbose_name,
            "url": list_url(kind._meta.label_lower, error_code=reason["error_code"], **filters),
        }
        for reason in reasons.order_by("-times", "error_code")
    ]


def tokens_by_day() -> list[dict]:
    """Newest first; days without any movement are there too."""
    today = timezone.now().date()
    days = [today - timedelta(days=back) for back in range(DAYS)]
    entries = LedgerEntry.objects.filter(created_at__date__gte=days[-1]).order_by()
    sums = (
        entries.annotate(day=TruncDate("created_at"))
        .values("day")
        .annotate(
            granted=Sum("amount", filter=Q(kind__in=[Kind.GRANT, Kind.ADJUSTMENT]), default=0),
            charged=Sum("amount", filter=Q(kind=Kind.CHARGE), default=0),
            refunded=Sum("amount", filter=Q(kind=Kind.REFUND), default=0),
        )
    )
    by_day = {row["day"]: row for row in sums}
    none = {"granted": 0, "charged": 0, "refunded": 0}
    rows = [by_day.get(day, {**none, "day": day}) for day in days]
    return [{**row, "spent": -row["charged"] - row["refunded"]} for row in rows]


def disk() -> dict:
    """Bytes: of uploads and models, and of the disk that DATA_DIR is on."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    return {
        "datasets": Dataset.objects.aggregate(total=Sum("size_bytes", default=0))["total"],
        "models": TrainedModel.objects.aggregate(total=Sum("size_bytes", default=0))["total"],
        "free": usage.free,
        "total": usage.total,
        "used": usage.total - usage.free,
    }


def slowest_routes() -> list:
    """Empty without METRICS_KEY: only the metrics measure requests."""
    if not settings.METRICS_KEY:
        return []
    from mlplatform import metrics

    return metrics.slowest_routes()[:ROUTES_SHOWN]
