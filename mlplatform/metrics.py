"""Metrics for Prometheus at /metrics: only with METRICS_KEY, and only to whoever sends it.

Requests are counted in each serving process, in files that the processes share (prometheus_client's
multiprocess mode, in the folder that the web server makes). What the database knows is asked for when it is
scraped.
"""

import math
import os
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Min, Q, Sum
from django.http import HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from accounts.models import User
from mlmodels.models import KINDS, Batch, Prediction, TrainingRun, Worker
from mlplatform.core import database_time
from mlplatform.logs import route_of

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

SETTLED_AFTER = timedelta(minutes=5)  # a purchase takes milliseconds

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

registry = CollectorRegistry()
requests_total = Counter("mlplatform_requests", "Requests.", ["method", "route", "status"], registry=registry)
request_seconds = Histogram(
    "mlplatform_request_seconds",
    "Duration of requests.",
    ["route"],
    buckets=BUCKETS_SECONDS,
    registry=registry,
)
database_seconds = Counter(
    "mlplatform_database_seconds", "How much of it the database took.", ["route"], registry=registry
)


class MetricsMiddleware:
    """Outermost, so that what other middleware takes counts too."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.counters = {}

    def __call__(self, request):
        started, database_started = time.perf_counter(), database_time.start()
        response = self.get_response(request)
        count, observe, add_database = self.counters_of(request, response.status_code)
        count.inc()
        observe(time.perf_counter() - started)
        add_database(database_time.since(database_started))
        return response

    def counters_of(self, request, status: int):
        """Looked up once for each combination: prometheus_client's own look-up costs more than counting."""
        method = request.method if request.method in METHODS else "other"
        key = method, route_of(request) or "(none)", status
        found = self.counters.get(key)
        if found is None:
            found = self.counters[key] = (
                requests_total.labels(*key),
                request_seconds.labels(key[1]).observe,
                database_seconds.labels(key[1]).inc,
            )
        return found


@login_not_required
@require_safe
@never_cache
def metrics(request):
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given, f"Bearer {settings.METRICS_KEY}"):
        return HttpResponse(
            "Send METRICS_KEY as a bearer token.\n", status=401, headers={"WWW-Authenticate": "Bearer"}
        )
    everything = collected()
    everything.register(DatabaseCollector())
    return HttpResponse(generate_latest(everything), content_type=CONTENT_TYPE_LATEST)


def collected() -> CollectorRegistry:
    """What was counted: by all serving processes, or by this one where there is no web server around it."""
    everything = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(everything)
    else:
        everything.register(registry)
    return everything


class DatabaseCollector:
    """The current state of the database, in eight queries."""

    def collect(self):
        yield by_status("training_runs", "Training runs by status.", TrainingRun)
        yield by_status("batches", "Files to be predicted, by status.", Batch)
        yield gauge("queue_age_seconds", "How long the oldest job has waited.", queue_age_seconds())
        yield gauge("workers", "Workers that were seen lately.", Worker.objects.alive().count())
        yield total("predictions", "Paid predictions.", predictions.count())
        tokens = User.objects.aggregate(balance=Sum("token_balance"), spent=Sum("tokens_spent"))
        balance, spent = tokens["balance"] or 0, tokens["spent"] or 0
        yield gauge("tokens_granted", "Tokens granted and corrected, of all accounts.", balance + spent)
        yield gauge("tokens_spent", "Tokens charged less refunds, of all accounts.", spent)


class PredictionCount:
    """How many predictions there are, without counting the whole table at each scrape.

    Rows of predictions are never deleted, so what was counted stays counted: up to the last one that is older
    than SETTLED_AFTER, since a transaction may commit after another one that took a higher id.
    """

    def __init__(self):
        self.settled = (0, 0)  # up to which id, and how many; in one tuple, since threads share it

    def count(self) -> int:
        last_id, counted = self.settled
        newer = Prediction.objects.filter(pk__gt=last_id).order_by("-pk")
        old = newer.filter(created_at__lt=timezone.now() - SETTLED_AFTER)
        last_id = old.values_list("pk", flat=True).first() or last_id
        more = newer.aggregate(all=Count("pk"), settled=Count("pk", filter=Q(pk__lte=last_id)))
        self.settled = last_id, counted + more["settled"]
        return counted + more["all"]


predictions = PredictionCount()  # of this process, which counts all of them once


def gauge(name: str, what: str, value) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mlplatform_{name}", what, value=value)


def total(name: str, what: str, value) -> CounterMetricFamily:
    return CounterMetricFamily(f"mlplatform_{name}", what, value=value)


def by_status(name: str, what: str, kind) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"mlplatform_{name}", what, labels=["status"])
    counts = dict(kind.objects.order_by().values_list("status").annotate(Count("pk")))
    for status in kind.Status.values:
        family.add_metric([status], counts.get(status, 0))
    return family


def queue_age_seconds() -> float:
    queued = [kind.objects.queued().order_by() for kind in KINDS]
    times = [rows.aggregate(oldest=Min("created_at"))["oldest"] for rows in queued]
    oldest = min(filter(None, times), default=None)
    return (timezone.now() - oldest).total_seconds() if oldest else 0.0


@dataclass(frozen=True)
class RouteTime:
    """How long requests of a route took since the web server was started."""

    route: str
    requests: int
    p95_seconds: float

    @property
    def p95_milliseconds(self) -> float:
        return self.p95_seconds * 1000


def slowest_routes() -> list[RouteTime]:
    """By the 95th percentile, interpolated within its bucket of the histogram."""
    buckets = defaultdict(list)
    for family in collected().collect():
        for sample in family.samples:
            if sample.name == "mlplatform_request_seconds_bucket":
                buckets[sample.labels["route"]].append((float(sample.labels["le"]), sample.value))
    times = [RouteTime(route, int(max(of)[1]), quantile(0.95, sorted(of))) for route, of in buckets.items()]
    return sorted(times, key=lambda time: -time.p95_seconds)


def quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    """Of cumulative buckets, as Prometheus' histogram_quantile: pairs of upper bound and count."""
    wanted, lower, below = share * buckets[-1][1], 0.0, 0.0
    for upper, count in buckets:
        if count >= wanted:
            break
        lower, below = upper, count
    return lower if math.isinf(upper) else lower + (upper - lower) * (wanted - below) / max(count - below, 1)
