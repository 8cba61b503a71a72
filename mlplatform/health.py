"""Probes: /healthz says that requests are served, /readyz that they can be carried out, and without delay."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mlmodels.learning.libraries import import_libraries
from mlmodels.limits import WORKER_SILENT_SECONDS
from mlmodels.models import Worker
from mlplatform.core.stopping import is_stopping


@login_not_required
@require_safe
@never_cache
def healthz(request):
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
@never_cache
def readyz(request):
    """The first response of a process comes when it has imported what the first prediction would wait for."""
    failing = find_failing()
    if failing:
        return JsonResponse({"status": "unavailable", "failing": failing}, status=503)
    import_libraries()
    return JsonResponse({"status": "ok"})


def find_failing() -> dict[str, str]:
    """The first part that fails, by name: each check needs the ones before it."""
    if is_stopping():
        return {"web_server": "is stopping"}
    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return {"migrations": "not all are applied: run `manage.py migrate`"}
        if not Worker.objects.alive().exists():
            return {"worker": f"none was seen in the last {WORKER_SILENT_SECONDS} seconds"}
    except DatabaseError:
        return {"database": "does not answer"}
    return {}
