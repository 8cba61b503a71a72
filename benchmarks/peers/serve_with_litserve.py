"""LitServe with a pipeline in memory: `python serve_with_litserve.py PIPELINE PORT`."""

import sys

import joblib
import litserve
import pandas


class Model(litserve.LitAPI):
    def setup(self, device):
        self.pipeline = joblib.load(sys.argv[1])

    def decode_request(self, request):
        return pandas.DataFrame([request["features"]])

    def predict(self, table):
        return self.pipeline.predict(table)

    def encode_response(self, output):
        return {"prediction": output.tolist()[0]}


if __name__ == "__main__":
    server = litserve.LitServer(Model(), accelerator="cpu", workers_per_device=2)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="error",
    )
