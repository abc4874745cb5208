"""Arrays as NumPy writes them, and images as PyTorch resizes them: test/golden/arrays.json. Run: python3 test/golden/make-arrays.py"""

import base64
import io
import json
import pathlib

import numpy as np
import torch

rng = np.random.default_rng(1)
npy = []
for code in ["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]:
    for order in "<>":
        for layout in "CF":
            if code == "b1":
                values = rng.integers(0, 2, (2, 3, 4)).astype("?")
            elif code[0] == "f":
                values = rng.normal(size=(2, 3, 4)).astype(order + code)
            else:
                values = rng.integers(0 if code[0] == "u" else -100, 120, (2, 3, 4)).astype(order + code)
            values = np.asarray(values, order=layout)
            out = io.BytesIO()
            np.save(out, values)
            npy.append(
                {
                    "descr": values.dtype.str,
                    "layout": layout,
                    "bytes": base64.b64encode(out.getvalue()).decode(),
                    "values": values.astype("f8").flatten(order="C").tolist(),
                }
            )

half = np.array([0.0, -0.0, 1.0, -2.5, 65504.0, 6e-8, 6.1e-5, np.inf], "<f2")
out = io.BytesIO()
np.save(out, half)
halves = {"bytes": base64.b64encode(out.getvalue()).decode(), "values": [str(v) for v in half.astype("f8").tolist()]}

npz = {}
for name, save in [("plain", np.savez), ("compressed", np.savez_compressed)]:
    out = io.BytesIO()
    save(out, x=np.arange(24, dtype="u1").reshape(6, 2, 2), y=np.array([0, 1, 2, 0, 1, 2], "i8"))
    npz[name] = base64.b64encode(out.getvalue()).decode()

image = rng.integers(0, 256, (9, 7, 3))
tensor = torch.tensor(image, dtype=torch.float64).permute(2, 0, 1)[None]
resized = []
for mode in ["bilinear", "bicubic"]:
    for size in [(4, 3), (18, 10), (9, 3), (2, 14)]:
        result = torch.nn.functional.interpolate(tensor, size, mode=mode, antialias=True, align_corners=False)
        values = result[0].permute(1, 2, 0).clamp(0, 255)
        resized.append({"filter": mode, "size": size, "values": values.flatten().tolist()})


def lanczos(length, to):
    """The matrix of Lanczos-3 resampling, by its definition."""
    scale = max(1, length / to)
    centres = (np.arange(to)[:, None] + 0.5) * length / to
    x = (np.arange(length)[None] + 0.5 - centres) / scale
    weights = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
    return weights / weights.sum(1, keepdims=True)


for size in [(4, 3), (18, 10)]:
    values = np.einsum("yh,xw,hwc->yxc", lanczos(9, size[0]), lanczos(7, size[1]), image).clip(0, 255)
    resized.append({"filter": "lanczos", "size": size, "values": values.flatten().tolist()})

golden = {
    "npy": npy,
    "halves": halves,
    "npz": npz,
    "image": {"height": 9, "width": 7, "channels": 3, "values": image.flatten().tolist()},
    "resized": resized,
}
path = pathlib.Path(__file__).with_name("arrays.json")
path.write_text(json.dumps(golden) + "\n")
