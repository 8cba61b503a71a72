import signal

from mlmodels.worker.loop import JobWorker
from mlplatform.core import commands


class Command(commands.Command):
    help = (
        "Carries out queued training runs and batches, and delivers webhooks, until it is stopped. Any "
        "number of workers can run, on any number of machines that share one PostgreSQL database and one "
        "storage. SIGTERM or Ctrl-C stops the worker within seconds; the current job goes back to the queue."
    )
    epilog = """
exit codes:
  0  stopped by SIGTERM or Ctrl-C
  1  could not start, for example without a database; the error is printed
  2  wrong usage

example:
  manage.py run_worker --name trainer-1
"""

    def add_arguments(self, parser):
        parser.add_argument(
            "--name", default="", help="name of the worker; default: host name and process id"
        )

    def handle(self, *args, name, **options):
        worker = JobWorker(name)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        worker.work()
