import signal

from mlmodels.worker.loop import TrainingWorker
from mlplatform.core import commands


class Command(commands.Command):
    help = (
        "Trains what waits in the queue until it is told to stop. Any number of workers may run, on any "
        "number of machines over one PostgreSQL database and one storage. SIGTERM or Ctrl-C stops it within "
        "seconds; the training under way goes back to the queue."
    )
    epilog = """
exit codes:
  0  stopped by SIGTERM or Ctrl-C
  1  not started, such as without a database; the error is printed
  2  wrong usage

example:
  manage.py run_worker --name trainer-1
"""

    def add_arguments(self, parser):
        parser.add_argument(
            "--name", default="", help="how the worker is called; default: host name and process id"
        )

    def handle(self, *args, name, **options):
        worker = TrainingWorker(name)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        self.stdout.write(f"The worker {worker.name} waits for trainings.")
        worker.work()
        self.stdout.write(f"The worker {worker.name} has stopped.")
