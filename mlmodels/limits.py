"""What one person, one run and one process may use. Pure numbers: documents and tests read the same ones."""

# Per person
DATASETS_MAX = 100
DATASET_BYTES_MAX = 1_000_000_000
MODELS_MAX = 500
OPEN_RUNS_MAX = 3

# Per run
LAPSES_MAX = 2  # workers that may be lost over one run before it is given up
MODEL_BYTES_MAX = 1_000_000_000
TRAINING_THREADS = 1

# Per request
BATCH_ROWS_MAX = 10_000
NAME_CHARACTERS_MAX = 100

# Per process
LOADED_MODELS_BYTES_MAX = 256_000_000
WAITING_REQUESTS_MAX = 4

WORKER_SILENT_SECONDS = 60  # after this long without a word a worker counts as gone
