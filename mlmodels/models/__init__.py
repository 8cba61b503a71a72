"""The tables of this app: rows, constraints and QuerySets."""

from mlmodels.models.aliases import ModelAlias, Promotion
from mlmodels.models.batches import Batch
from mlmodels.models.datasets import Dataset, dataset_path
from mlmodels.models.housekeeping import Housekeeping
from mlmodels.models.jobs import Job, Priority
from mlmodels.models.ownership import add_owner, remove_owner
from mlmodels.models.pending_files import PendingFile
from mlmodels.models.predictions import Prediction
from mlmodels.models.queue import KINDS, OwnerPriority, next_in_line, place_in_line
from mlmodels.models.shares import ModelShare, ReportLink
from mlmodels.models.trained_models import TrainedModel, may_use_model, model_path
from mlmodels.models.training_runs import Task, TrainingRun
from mlmodels.models.uploads import Upload
from mlmodels.models.webhooks import Webhook, WebhookDelivery
from mlmodels.models.workers import Worker
