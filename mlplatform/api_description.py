"""How the API presents itself: the settings of drf-spectacular, which makes its OpenAPI schema."""

SETTINGS = {
    "TITLE": "mlplatform",
    "DESCRIPTION": (
        "From a CSV to a trained model and a paid prediction. Authorize with an access token, or with a key "
        "from `/accounts/keys/`: `Bearer mlp_…`. Then upload a dataset, start a run, and predict."
    ),
    # In the order in which a developer needs them
    "TAGS": [
        {
            "name": "datasets",
            "description": "Upload a CSV file, and see and change how its columns are read.",
        },
        {"name": "runs", "description": "Train models, and follow how far they are."},
        {"name": "models", "description": "Trained models: quality, columns, downloads, names."},
        {"name": "predictions", "description": "Predict rows, with intervals, probabilities and reasons."},
        {"name": "batches", "description": "Predict every row of a CSV file."},
        {"name": "accounts", "description": "Access tokens, keys, the balance and the ledger."},
        {"name": "sharing", "description": "Share models with other accounts, and reports by a link."},
        {
            "name": "webhooks",
            "description": "Signed requests to your server when a training run or a batch has ended.",
        },
        {"name": "classic", "description": "The calls of the two services that this one replaces."},
        {"name": "administration", "description": "For administrators, and for a shop that grants tokens."},
    ],
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayRequestDuration": True},
    "COMPONENT_SPLIT_REQUEST": True,
    "GET_LIB_DOC_EXCLUDES": "mlplatform.core.api_schema.docs_not_shown",
    "DEFAULT_GENERATOR_CLASS": "mlplatform.core.api_schema.OneAtATimeGenerator",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "ENUM_NAME_OVERRIDES": {
        "AlgorithmEnum": "mlmodels.api.serializers.ALGORITHMS",
        "CandidateStatusEnum": "mlmodels.api.shapes.CANDIDATE_STATUSES",
        "ColumnKindEnum": "mlmodels.learning.tables.columns.KINDS",
        "EntryKindEnum": "billing.models.LedgerEntry.Kind",
        "EvaluationKindEnum": "mlmodels.learning.trainers.plan.EVALUATIONS",
        "RunStatusEnum": "mlmodels.models.Job.Status",
        "BatchStatusEnum": "mlmodels.models.batches.STATUSES",
        "UploadStatusEnum": "mlmodels.models.uploads.Upload.Status",
    },
}
