"""What one user, one run and one process may use. The documentation and the tests read the same numbers."""

# Per user
DATASETS_MAX = 100
MODELS_MAX = 500
CANCELLED_RUNS_PER_HOUR_MAX = 20  # and as many batches
QUOTES_MAX = 5  # files that wait to be started; a further one takes the place of the oldest
BATCHES_KEPT_MAX = 100
BATCH_KEPT_DAYS = 7  # then the files are removed
QUOTE_KEPT_HOURS = 24
WEBHOOKS_MAX = 10
OPEN_UPLOADS_MAX = 3  # large files that are not inspected yet
UPLOAD_KEPT_DAYS = 7  # after the inspection of a large file, what became of it is told
SHARES_PER_DAY_MAX = 100
TEST_DELIVERIES_PER_HOUR_MAX = 20

# Per large file
INSPECTION_SECONDS_MAX = 3_600

# Per run or batch
LAPSES_MAX = 2  # workers that may be lost over one run before it is given up
MODEL_BYTES_MAX = 1_000_000_000
ANSWER_BYTES_MAX = 2_000_000_000
TRAINING_THREADS = 1

# Per model
SHARES_MAX = 50
REPORT_LINKS_MAX = 20

# Per delivery of a webhook
DELIVERY_ATTEMPTS_MAX = 7  # before it is given up
DELIVERY_ATTEMPTS_LOGGED_MAX = 20
DELIVERIES_KEPT_DAYS = 30

# Per request
ROWS_AT_ONCE_MAX = 10_000  # that are charged like single predictions
ACTUALS_ROWS_MAX = 10_000  # of one file of actual values
MONITORED_PREDICTIONS_MAX = 1_000  # the latest ones, which drift and live quality are computed from
VARIATIONS_MAX = 60  # free ones of a paid prediction
VARIATION_MINUTES = 10
VARIATION_COLUMNS_MAX = 3  # that differ from the paid row
MODEL_NAME_CHARACTERS_MAX = 100  # what its owner may choose
DATASET_NAME_CHARACTERS_MAX = 200

# Per process
LOADED_MODELS_BYTES_MAX = 256_000_000
WAITING_REQUESTS_MAX = 4
REMEMBERED_MODELS_MAX = 5_000

# What is computed on the event loop. A larger model may take milliseconds for a row
QUICK_MODEL_BYTES_MAX = 64_000_000
QUICK_ROWS_MAX = 10

WORKER_SILENT_SECONDS = 60  # a worker that has not been seen for longer counts as gone
