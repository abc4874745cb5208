"""Writes layers.json: outputs of layers from PyTorch 2.15 in float64.

Inputs are sin(a * i + b) by the name of the tensor, row-major in our layout (channels last, weights [..., in, out]).
Run with: python3 test/golden/make-layers.py
"""
import json
import os

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, a, b):
    n = 1
    for size in shape:
        n *= size
    return torch.sin(a * torch.arange(n) + b).reshape(shape)


x = lambda *shape: wave(shape, 0.37, 0.11)
weight = lambda *shape: wave(shape, 0.53, 0.2)
depthwise = lambda *shape: wave(shape, 0.29, 0.4)
bias = lambda n: wave([n], 0.71, 0.3)

images = lambda t: t.permute(0, 3, 1, 2)
back = lambda t: t.permute(0, 2, 3, 1)
filters = lambda w: w.permute(3, 2, 0, 1)  # [kh, kw, in, out] -> [out, in, kh, kw]
sequences = lambda t: t.permute(0, 2, 1)

cases = []


def case(layer, sample, y, batch=2):
    values = [float("%.9g" % v) for v in y.contiguous().flatten()]
    cases.append({"layer": layer, "batch": batch, "sample": sample, "shape": list(y.shape[1:]), "output": values})


conv1d = lambda t, w, b, **o: sequences(F.conv1d(t, w.permute(2, 1, 0), b, **o))
case({"conv1d": {"filters": 3, "kernel_size": 3}}, [6, 2], conv1d(sequences(x(2, 6, 2)), weight(3, 2, 3), bias(3)))
case(
    {"conv1d": {"filters": 2, "kernel_size": 4, "strides": 2, "padding": "same"}},
    [7, 1],
    # ceil(7 / 2) = 4 outputs need (4 - 1) * 2 + 4 - 7 = 3 zeros: one before, two after.
    conv1d(F.pad(sequences(x(2, 7, 1)), (1, 2)), weight(4, 1, 2), bias(2), stride=2),
)
case(
    {"conv1d": {"filters": 4, "kernel_size": 2, "dilation": 3, "groups": 2}},
    [6, 4],
    conv1d(sequences(x(2, 6, 4)), weight(2, 2, 4), bias(4), dilation=3, groups=2),
)


# Ours [kh, kw, out / groups, in]; PyTorch's [in, out / groups, kh, kw].
def transposed(t, w, b, **o):
    return back(F.conv_transpose2d(images(t), w.permute(3, 2, 0, 1), b, **o))


case(
    {"conv2d_transpose": {"filters": 3, "kernel_size": [3, 2], "strides": 2}},
    [3, 4, 2],
    transposed(x(2, 3, 4, 2), weight(3, 2, 3, 2), bias(3), stride=2),
)
case(
    {"conv2d_transpose": {"filters": 2, "kernel_size": 4, "strides": 2, "padding": "same"}},
    [3, 2, 3],
    transposed(x(2, 3, 2, 3), weight(4, 4, 2, 3), bias(2), stride=2, padding=1),
)
case(
    {"conv2d_transpose": {"filters": 4, "kernel_size": 2, "dilation": 2, "groups": 2}},
    [2, 3, 2],
    transposed(x(2, 2, 3, 2), weight(2, 2, 2, 2), bias(4), dilation=2, groups=2),
)

case(
    {"depthwise_conv2d": {"kernel_size": 3, "padding": "same"}},
    [4, 3, 3],
    back(F.conv2d(images(x(2, 4, 3, 3)), filters(weight(3, 3, 1, 3)), bias(3), padding=1, groups=3)),
)
case(
    {"depthwise_conv2d": {"kernel_size": [1, 2], "depth_multiplier": 2, "strides": [1, 2]}},
    [2, 5, 2],
    back(F.conv2d(images(x(2, 2, 5, 2)), filters(weight(1, 2, 1, 4)), bias(4), stride=(1, 2), groups=2)),
)
case(
    {"separable_conv2d": {"filters": 3, "kernel_size": 2, "depth_multiplier": 2}},
    [3, 4, 2],
    back(
        F.conv2d(
            F.conv2d(images(x(2, 3, 4, 2)), filters(depthwise(2, 2, 1, 4)), groups=2),
            filters(weight(1, 1, 4, 3)),
            bias(3),
        )
    ),
)

case({"upsample2d": {"size": [2, 3]}}, [2, 2, 2], back(F.interpolate(images(x(2, 2, 2, 2)), scale_factor=(2, 3))))
case(
    {"upsample2d": {"size": [2, 3], "interpolation": "bilinear"}},
    [3, 2, 2],
    back(F.interpolate(images(x(2, 3, 2, 2)), scale_factor=(2, 3), mode="bilinear", align_corners=False)),
)
case({"zero_pad2d": {"padding": [[1, 0], [2, 1]]}}, [2, 2, 1], back(F.pad(images(x(2, 2, 2, 1)), (2, 1, 1, 0))))

case({"max_pool1d": {"pool_size": 3, "strides": 2}}, [7, 2], sequences(F.max_pool1d(sequences(x(2, 7, 2)), 3, 2)))
case({"avg_pool1d": {"pool_size": 2}}, [6, 2], sequences(F.avg_pool1d(sequences(x(2, 6, 2)), 2)))
case("global_avg_pool1d", [5, 2], x(2, 5, 2).mean(1))
case("global_max_pool1d", [5, 2], x(2, 5, 2).amax(1))

def transposed1d(t, w, b, **o):
    return sequences(F.conv_transpose1d(sequences(t), w.permute(2, 1, 0), b, **o))


case(
    {"conv1d_transpose": {"filters": 3, "kernel_size": 3, "strides": 2}},
    [4, 2],
    transposed1d(x(2, 4, 2), weight(3, 3, 2), bias(3), stride=2),
)
case(
    {"conv1d_transpose": {"filters": 4, "kernel_size": 4, "strides": 2, "padding": "same", "groups": 2}},
    [3, 2],
    transposed1d(x(2, 3, 2), weight(4, 2, 2), bias(4), stride=2, padding=1, groups=2),
)

volumes = lambda t: t.permute(0, 4, 1, 2, 3)
back3 = lambda t: t.permute(0, 2, 3, 4, 1)
conv3d = lambda t, w, b, **o: back3(F.conv3d(volumes(t), w.permute(4, 3, 0, 1, 2), b, **o))
case({"conv3d": {"filters": 3, "kernel_size": 2}}, [3, 3, 4, 2], conv3d(x(2, 3, 3, 4, 2), weight(2, 2, 2, 2, 3), bias(3)))
case(
    {"conv3d": {"filters": 2, "kernel_size": [3, 2, 3], "strides": [2, 1, 2], "padding": "same"}},
    [4, 3, 5, 1],
    # Depth: 2 outputs need 1 zero, behind; height: 3 need 1, behind; width: 3 need 2, one on each side.
    conv3d(F.pad(x(2, 4, 3, 5, 1), (0, 0, 1, 1, 0, 1, 0, 1)), weight(3, 2, 3, 1, 2), bias(2), stride=(2, 1, 2)),
)
case(
    {"conv3d": {"filters": 4, "kernel_size": 2, "dilation": [2, 1, 2], "groups": 2}},
    [4, 2, 3, 4],
    conv3d(x(2, 4, 2, 3, 4), weight(2, 2, 2, 2, 4), bias(4), dilation=(2, 1, 2), groups=2),
)


def transposed3d(t, w, b, **o):
    return back3(F.conv_transpose3d(volumes(t), w.permute(4, 3, 0, 1, 2), b, **o))


case(
    {"conv3d_transpose": {"filters": 2, "kernel_size": [2, 3, 2], "strides": [2, 1, 2]}},
    [2, 2, 3, 3],
    transposed3d(x(2, 2, 2, 3, 3), weight(2, 3, 2, 2, 3), bias(2), stride=(2, 1, 2)),
)
case(
    {"conv3d_transpose": {"filters": 4, "kernel_size": 4, "strides": 2, "padding": "same", "groups": 2}},
    [2, 1, 2, 2],
    transposed3d(x(2, 2, 1, 2, 2), weight(4, 4, 4, 2, 2), bias(4), stride=2, padding=1, groups=2),
)
case({"max_pool3d": {"pool_size": [2, 3, 2], "strides": [1, 2, 2]}}, [3, 5, 4, 2],
     back3(F.max_pool3d(volumes(x(2, 3, 5, 4, 2)), (2, 3, 2), (1, 2, 2))))
case("avg_pool3d", [4, 2, 4, 2], back3(F.avg_pool3d(volumes(x(2, 4, 2, 4, 2)), 2)))
case(
    {"avg_pool3d": {"pool_size": 3, "strides": 2, "padding": "same"}},
    [3, 5, 3, 1],
    back3(F.avg_pool3d(volumes(x(2, 3, 5, 3, 1)), 3, 2, 1, count_include_pad=False)),
)
case("global_avg_pool3d", [2, 3, 2, 2], x(2, 2, 3, 2, 2).mean((1, 2, 3)))
case("global_max_pool3d", [2, 3, 2, 2], x(2, 2, 3, 2, 2).amax((1, 2, 3)))
case({"upsample1d": {"size": 3}}, [3, 2], sequences(F.interpolate(sequences(x(2, 3, 2)), scale_factor=3)))

with open(os.path.join(os.path.dirname(__file__), "layers.json"), "w") as file:
    json.dump(cases, file)
