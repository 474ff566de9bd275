"""Times .tflite files with LiteRT (ai-edge-litert) and OpenVINO, whichever is installed: one thread, least microseconds an image.

Reads { milliseconds, tasks: [ { name, path, batches } ] } on stdin, writes { name: { batch: { runtime: microseconds } } }.
"""

import json
import sys
import time

import numpy as np


def least(run, batch, milliseconds):
    """Loops of a millisecond or so, after as long to warm up."""
    end = time.perf_counter() + milliseconds / 1000
    once = float("inf")
    while time.perf_counter() < end:
        began = time.perf_counter()
        run()
        once = min(once, time.perf_counter() - began)
    calls = max(1, int(1e-3 / once))
    end = time.perf_counter() + milliseconds / 1000
    shortest = float("inf")
    while time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(calls):
            run()
        shortest = min(shortest, (time.perf_counter() - began) / calls)
    return shortest / batch * 1e6


def litert(path, batch):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=1)
    detail = interpreter.get_input_details()[0]
    if batch > 1:
        interpreter.resize_tensor_input(detail["index"], [batch, *detail["shape"][1:]])
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    return interpreter.invoke


def openvino(path, batch):
    import openvino as ov

    core = ov.Core()
    model = core.read_model(path)
    shape = list(model.inputs[0].partial_shape)
    model.reshape([batch, *[d.get_length() for d in shape[1:]]])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    source = compiled.inputs[0]
    request.set_input_tensor(ov.Tensor(np.zeros(list(source.shape), source.element_type.to_dtype())))
    return request.infer


def main():
    asked = json.load(sys.stdin)
    times = {}
    for task in asked["tasks"]:
        for batch in task["batches"]:
            row = times.setdefault(task["name"], {}).setdefault(str(batch), {})
            for name, make in (("litert-native", litert), ("openvino", openvino)):
                try:
                    row[name] = least(make(task["path"], batch), batch, asked["milliseconds"])
                except Exception as error:  # not installed, or it does not read this file: no figure
                    print(f"{name} {task['name']}: {error}", file=sys.stderr)
    print(json.dumps(times))


main()
