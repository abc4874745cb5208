"""Loss of PyTorch over 100 training steps on MNIST, from weights and batches that a formula gives. Writes trajectories.json.

Usage: python3 make-trajectories.py (PyTorch 2.15; run in test/golden).
"""
import gzip, json
import numpy as np, torch
import torch.nn.functional as F

STEPS, BATCH = 100, 64

def idx(name, skip):
    with gzip.open(f"../../datasets/mnist/{name}-ubyte.gz") as f:
        return np.frombuffer(f.read(), np.uint8, offset=skip)

x = torch.from_numpy(idx("train-images-idx3", 16).reshape(-1, 28, 28, 1)[: STEPS * BATCH].astype(np.float32) / 255)
y = torch.from_numpy(idx("train-labels-idx1", 8)[: STEPS * BATCH].astype(np.int64))

def weights(shape, fan_in):
    """((i * 2654435761 mod 2^32) / 2^32 - 1/2) * 2 sqrt(3 / fan_in), row-major."""
    i = np.arange(np.prod(shape), dtype=np.uint64)
    u = ((i * 2654435761) % 2**32).astype(np.float64) / 2**32
    w = ((u - 0.5) * 2 * np.sqrt(3 / fan_in)).astype(np.float32).reshape(shape)
    return torch.tensor(w, requires_grad=True)

def zeros(n):
    return torch.zeros(n, requires_grad=True)

def mlp():
    p = [weights((784, 64), 784), zeros(64), weights((64, 10), 64), zeros(10)]
    return p, lambda x: torch.relu(x.reshape(len(x), -1) @ p[0] + p[1]) @ p[2] + p[3]

def cnn():
    p = [weights((3, 3, 1, 8), 9), zeros(8), weights((3, 3, 8, 16), 72), zeros(16), weights((12 * 12 * 16, 10), 2304), zeros(10)]
    def model(x):
        h = x.permute(0, 3, 1, 2)
        for k in (0, 2):
            h = torch.relu(F.conv2d(h, p[k].permute(3, 2, 0, 1), p[k + 1]))
        h = F.max_pool2d(h, 2).permute(0, 2, 3, 1)
        return h.reshape(len(x), -1) @ p[4] + p[5]
    return p, model

def losses(make, optimizer):
    p, model = make()
    opt = optimizer(p)
    out = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        loss = F.cross_entropy(model(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        out.append(loss.item())
    return out

json.dump(
    {
        "mlp-sgd": losses(mlp, lambda p: torch.optim.SGD(p, 0.1)),
        "mlp-adam": losses(mlp, lambda p: torch.optim.Adam(p, 0.001)),
        "cnn-adam": losses(cnn, lambda p: torch.optim.Adam(p, 0.001)),
    },
    open("trajectories.json", "w"),
)
