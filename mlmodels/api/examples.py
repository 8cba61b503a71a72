"""What the examples in the OpenAPI schema have in common: houses, a model of their prices, and its ids.

The bodies themselves stand beside their serializers.
"""

EXAMPLE_DATASET = "0b9c6a1e-6f0d-4c38-8f0e-2a4d51c7b3aa"
EXAMPLE_RUN = "13b202ac-8a5c-4a3e-9a57-6f1d3b1f2a10"
EXAMPLE_PREDICTION = "7f9d3c52-0e6b-4d1f-9a84-c2b6e5f7a108"
EXAMPLE_BATCH = "c5a1e2d3-4b6f-4c7d-8e9f-0a1b2c3d4e5f"
SITE = "https://example.com/api/v1"

HOUSES = """area,district,price
40,Port,93000
52,Hill,211000
64,Port,131000
71,Hill,249000
78,Port,180000
85,Hill,265000
90,Port,201000
97,Hill,306000
104,Port,219000
120,Hill,345000
"""

RUN = {
    "id": EXAMPLE_RUN,
    "url": f"{SITE}/runs/{EXAMPLE_RUN}",
    "status": "queued",
    "progress": 0.0,
    "progress_note": "",
    "error": "",
    "error_code": "",
    "model_name": "2_houses",
    "model_url": None,
    "metrics": None,
    "algorithm": "linear",
    "task": "regression",
    "target": "price",
    "cost_tokens": 1,
    "created_at": "2027-03-01T09:29:50Z",
    "started_at": None,
    "finished_at": None,
    "features": ["area", "district"],
    "notes": [],
    "dataset": EXAMPLE_DATASET,
    "dataset_url": f"{SITE}/datasets/{EXAMPLE_DATASET}",
    "repeats": None,
    "repeats_url": None,
    "candidates": [],
}
ENDED_RUN = RUN | {
    "status": "succeeded",
    "progress": 1.0,
    "model_url": f"{SITE}/models/2_houses",
    "metrics": {"r2_score": 0.97, "mean_squared_error": 41000000.0, "mean_absolute_error": 4900.0},
    "started_at": "2027-03-01T09:29:51Z",
    "finished_at": "2027-03-01T09:29:59Z",
}
UPLOAD = {
    "id": EXAMPLE_DATASET,
    "url": f"{SITE}/uploads/{EXAMPLE_DATASET}",
    "status": "queued",
    "progress": 0.0,
    "name": "houses.csv",
    "size_bytes": 1200000000,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "dataset_url": None,
    "error": "",
    "error_code": "",
    "created_at": "2027-03-01T09:29:50Z",
    "started_at": None,
    "finished_at": None,
}
INSPECTED_UPLOAD = UPLOAD | {
    "status": "succeeded",
    "progress": 1.0,
    "dataset_url": f"{SITE}/datasets/{EXAMPLE_DATASET}",
    "started_at": "2027-03-01T09:29:51Z",
    "finished_at": "2027-03-01T09:30:40Z",
}
BATCH = {
    "id": EXAMPLE_BATCH,
    "url": f"{SITE}/batches/{EXAMPLE_BATCH}",
    "status": "queued",
    "progress": 0.0,
    "model_name": "2_houses",
    "model_url": f"{SITE}/models/2_houses",
    "name": "new.csv",
    "rows": 3,
    "unreadable_rows": 1,
    "rows_done": 0,
    "rows_with_warnings": 0,
    "cost_tokens": 5,
    "error": "",
    "error_code": "",
    "created_at": "2027-03-01T09:30:00Z",
    "started_at": None,
    "finished_at": None,
    "kept_until": None,
    "result": None,
    "unreadable": f"{SITE}/batches/{EXAMPLE_BATCH}/unreadable",
    "faults": [{"row": 4, "reason": '"area": "large" is not a number.'}],
    "preview": [],
}
ENDED_BATCH = BATCH | {
    "status": "succeeded",
    "progress": 1.0,
    "rows_done": 3,
    "started_at": "2027-03-01T09:30:01Z",
    "finished_at": "2027-03-01T09:30:02Z",
    "kept_until": "2027-03-08T09:30:02Z",
    "result": f"{SITE}/batches/{EXAMPLE_BATCH}/result",
    "preview": [],
}
