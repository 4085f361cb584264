"""Calls a model as Triton's users do: by tritonclient, over HTTP with binary tensors and over gRPC.

Arguments: the server's address (host:port), the model's name, an access token, the folder of requests and expected answers.
"""

import json
import pathlib
import sys

import numpy
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

address, model, token, folder = sys.argv[1:]
request = json.loads((pathlib.Path(folder) / "digits-request.json").read_text())["inputs"][0]
expected = {o["name"]: o for o in json.loads((pathlib.Path(folder) / "digits-expected.json").read_text())["outputs"]}
rows = numpy.array(request["data"], dtype=numpy.float32).reshape(request["shape"])


def check(result):
    for name, output in expected.items():
        got = result.as_numpy(name)
        want = numpy.array(output["data"]).reshape(output["shape"])
        assert got.shape == want.shape, f"{name}: {got.shape}, want {want.shape}"
        assert numpy.allclose(got, want, rtol=0, atol=1e-5), f"{name}: {got}, want {want}"


def call(library, client, headers, **options):
    """Makes the calls that both protocols have."""
    assert client.is_server_live(headers=headers) and client.is_server_ready(headers=headers)
    assert client.is_model_ready(model, headers=headers)
    assert client.is_model_ready(model, "1.0.0", headers=headers)

    tensor = library.InferInput(request["name"], request["shape"], request["datatype"])
    tensor.set_data_from_numpy(rows, **options)
    outputs = [library.InferRequestedOutput(name) for name in expected]
    check(client.infer(model, [tensor], outputs=outputs, headers=headers))
    check(client.infer(model, [tensor], model_version="1.0.0", headers=headers))

    wrong = library.InferInput("inptu", request["shape"], request["datatype"])
    wrong.set_data_from_numpy(rows, **options)
    try:
        client.infer(model, [wrong], headers=headers)
    except InferenceServerException as refused:
        assert "inptu" in str(refused), refused
    else:
        raise AssertionError("a tensor that the model does not have is taken")


def credential(name):
    return {name: "Bearer " + token}  # a new one each time: tritonclient writes into it


http = tritonclient.http.InferenceServerClient(address)
metadata = http.get_model_metadata(model, headers=credential("Authorization"))
assert [t["name"] for t in metadata["inputs"]] == [request["name"]], metadata
call(tritonclient.http, http, credential("Authorization"), binary_data=True)
call(tritonclient.http, http, credential("Authorization"), binary_data=False)

plain = tritonclient.http.InferInput(request["name"], request["shape"], request["datatype"])
plain.set_data_from_numpy(rows, binary_data=True)
for coding in ("gzip", "deflate"):
    check(http.infer(model, [plain], headers=credential("Authorization"), request_compression_algorithm=coding))
    check(http.infer(model, [plain], headers=credential("Authorization"), response_compression_algorithm=coding))


def refused(says, call):
    try:
        call()
    except InferenceServerException as refusal:
        assert says in str(refusal), refusal
    else:
        raise AssertionError("what is not supported is taken: " + says)


def ranked(library, **options):
    return [library.InferRequestedOutput(next(iter(expected)), class_count=2, **options)]


refused("classification", lambda: http.infer(model, [plain], outputs=ranked(tritonclient.http), headers=credential("Authorization")))

# gRPC has its metadata's names in lower case.
grpc = tritonclient.grpc.InferenceServerClient(address)
call(tritonclient.grpc, grpc, credential("authorization"))
raw = tritonclient.grpc.InferInput(request["name"], request["shape"], request["datatype"])
raw.set_data_from_numpy(rows)
for coding in ("gzip", "deflate"):
    check(grpc.infer(model, [raw], headers=credential("authorization"), compression_algorithm=coding))
refused("classification", lambda: grpc.infer(model, [raw], outputs=ranked(tritonclient.grpc), headers=credential("authorization")))
try:
    grpc.get_model_repository_index(headers=credential("authorization"))
except InferenceServerException as unknown:
    assert "UNIMPLEMENTED" in str(unknown.status()), unknown.status()
else:
    raise AssertionError("a procedure that is not there answers")

try:
    http.infer(model, [], headers={})
except InferenceServerException as refused:
    assert "401" in str(refused.status()) or "credential" in str(refused), refused
else:
    raise AssertionError("a call without a credential is answered")
print("ok")
