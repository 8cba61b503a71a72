"""How apps work together that do not import each other: settings that name what one needs of the others."""

# Accounts

# Functions with the keyword owner, called when an account is removed
ACCOUNT_REMOVAL_HOOKS = [
    "billing.token_requests.erase_requests_of",
    "mlmodels.operations.erasure.erase_everything_of",
]
# What else is stored about a user: functions with the keyword owner that return a dict of iterators
ACCOUNT_EXPORT_HOOKS = [
    "billing.exports.ledger_of",
    "billing.exports.token_requests_of",
    "mlmodels.operations.erasure.everything_of",
]
# And the files: functions with the keyword owner that yield a name and the contents in blocks of bytes
ACCOUNT_EXPORT_FILES = ["mlmodels.operations.erasure.files_of"]
# Constants that GET /api/v1/account shows as limits
ACCOUNT_LIMITS = {
    "open_keys": "accounts.limits.OPEN_KEYS_MAX",
    "datasets": "mlmodels.limits.DATASETS_MAX",
    "models": "mlmodels.limits.MODELS_MAX",
}
# The only URLs that a key with the scope "predict" may call, by name: accounts.api.authentication
PREDICT_KEY_URL_NAMES = {
    "predict", "predict-last", "model-predict", "model-explain", "model-batches", "model-schema",
}  # fmt: skip

# The ledger

# Checks of other apps that `verify_ledger` runs: functions that return a list of billing.verify.Failure
LEDGER_VERIFICATIONS = [
    "mlmodels.operations.audit.find_uncleared_charges",
    "mlmodels.operations.audit.find_misplaced_files",
]
# What open jobs have cost: a function with the keyword owner that returns {tokens, runs, batches}
TOKENS_IN_PROGRESS = "mlmodels.operations.audit.tokens_in_progress"
# Page of what an entry is for, by the kind of its reference
LEDGER_REFERENCE_ROUTES = {
    "run": "mlmodels:run",
    "prediction": "mlmodels:prediction",
    "batch": "mlmodels:batch",
}
# The same for staff: models whose rows have a uuid
LEDGER_REFERENCE_MODELS = {
    "run": "mlmodels.trainingrun",
    "prediction": "mlmodels.prediction",
    "batch": "mlmodels.batch",
}
# Its reason as pages write it, by the same kind: functions of the stored reason
LEDGER_REASONS_IN_WORDS = {"run": "mlmodels.operations.training.reason_in_words"}
# What a user's page in the admin leads to: label, model, the field that is the user, and a filter
ADMIN_LISTS_OF_A_USER = [
    ("datasets", "mlmodels.dataset", "owner", {}),
    ("models", "mlmodels.trainedmodel", "owner", {}),
    ("training runs", "mlmodels.trainingrun", "owner", {}),
    ("failed runs", "mlmodels.trainingrun", "owner", {"status__exact": "failed"}),
    ("predictions", "mlmodels.prediction", "owner", {}),
    ("batches", "mlmodels.batch", "owner", {}),
    ("priority in the queue", "mlmodels.ownerpriority", "owner", {}),
    ("ledger entries", "billing.ledgerentry", "account", {}),
    ("requests for tokens", "billing.tokenrequest", "account", {}),
    ("paid requests of the last day", "billing.idempotencykey", "account", {}),
    ("keys", "accounts.apikey", "owner", {}),
]

# Workers

# What is done once a day, and by `manage.py housekeeping` at any time: functions without arguments that can
# be repeated. They return a number, numbers by name or a sentence, and raise when somebody has to look.
HOUSEKEEPING = {
    "lost runs and batches": "mlmodels.operations.jobs.recover",
    "sign-ins": "accounts.operations.sign_in.clear_expired",
    "idempotency keys": "billing.idempotency.prune",
    "predictions": "mlmodels.operations.predictions.prune_outdated",
    "batches": "mlmodels.operations.batches.sweep_expired",
    "uploads": "mlmodels.operations.uploads.prune",
    "files": "mlmodels.operations.pending_files.sweep",
    "webhook deliveries": "mlmodels.operations.deliveries.prune",
    "monthly tokens": "billing.monthly.grant_monthly_tokens",
    "back-up": "mlplatform.backups.back_up_daily",
    "ledger": "billing.verify.require_correct",
}
