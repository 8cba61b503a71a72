from django.core.management.base import BaseCommand

from mlmodels.operations.runs import recover_runs


class Command(BaseCommand):
    help = (
        "Takes back trainings whose worker was lost: each is queued once more, or failed and refunded. "
        "Every worker does the same by itself; this is for when none runs."
    )

    def handle(self, *args, **options):
        counts = recover_runs()
        self.stdout.write(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))
