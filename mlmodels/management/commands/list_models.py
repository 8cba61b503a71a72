from mlmodels.models import TrainedModel
from mlmodels.templatetags.metrics import LIST_SCORES
from mlplatform.core import commands
from mlplatform.core.commands import find_user
from mlplatform.core.formats import figure


class Command(commands.Command):
    help = "Lists models, newest first: name, owner, algorithm, target, score and age."
    epilog = """
exit codes:
  0  listed, even if there are none
  2  wrong usage
  3  no such user

examples:
  manage.py list_models --owner alice@example.com
  manage.py list_models --json
"""

    def add_arguments(self, parser):
        parser.add_argument("--owner", metavar="EMAIL", help="only models of this user; default: all users")
        fields = "name, label, owner, algorithm, task, target, metrics, size_bytes, created_at"
        commands.add_json_option(parser, f"{{count, models: [{{{fields}}}, …]}}")

    def handle(self, *, owner, json, **options):
        models = TrainedModel.objects.for_lists().select_related("owner").newest_first()
        if owner:
            models = models.owned_by(find_user(owner))
        if json:
            listed = [described(model) for model in models]
            self.stdout.write(commands.as_json({"count": len(listed), "models": listed}))
            return
        rows = [row_of(model) for model in models]
        self.stdout.write("\n".join(commands.aligned([HEADER, *rows])) if rows else "There are no models.")


HEADER = ("NAME", "OWNER", "ALGORITHM", "TARGET", "SCORE", "CREATED")


def row_of(model: TrainedModel) -> tuple[str, ...]:
    metric = LIST_SCORES[model.task]
    score = f"{metric} {figure(model.metrics.get(metric))}"
    created = f"{model.created_at:%Y-%m-%d %H:%M}"
    return model.name, model.owner.email, model.algorithm, model.target_name, score, created


def described(model: TrainedModel) -> dict:
    fields = ("name", "label", "algorithm", "task", "metrics", "size_bytes", "created_at")
    own = {name: getattr(model, name) for name in fields}
    return {**own, "owner": model.owner.email, "target": model.target_name}
