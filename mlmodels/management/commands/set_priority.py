from mlmodels.management.jobs import find_batch, find_run
from mlmodels.models import Priority
from mlmodels.operations import jobs
from mlplatform.core import commands


class Command(commands.Command):
    help = "Puts a training run, a batch, or all jobs of a user before or after those of all others."
    epilog = """
Among jobs of the same priority owners take turns. The priority of a user adds to that of each job, and holds
for jobs to come until it is set to normal. What is already running goes on.

exit codes:
  0  set
  1  refused: it has already ended
  2  wrong usage
  3  no such training run, batch or user

examples:
  manage.py set_priority high --run 1_houses
  manage.py set_priority low --user ada@example.com
"""

    def add_arguments(self, parser):
        parser.add_argument("priority", choices=Priority.labels)
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument(
            "--run", help="id of the training run, or the name of the model that it is to make"
        )
        whose.add_argument("--batch", help="id of the batch")
        whose.add_argument("--user", metavar="EMAIL", help="e-mail address of the owner of jobs")

    def handle(self, *, priority, run, batch, user, **options):
        chosen = Priority[priority.upper()]
        if user:
            jobs.set_priority_of_owner(owner=commands.find_user(user), priority=chosen)
        else:
            jobs.set_priority(job=find_run(run) if run else find_batch(batch), priority=chosen)
        self.stdout.write(f"{user or run or batch}: priority {priority}.")
