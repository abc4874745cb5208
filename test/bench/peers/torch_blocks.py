"""Times PyTorch's forward and backward pass of single layers, and its training step of the residual network.

Usage: torch_blocks.py NAME [--steps N]. Prints one JSON line, with the fields of ours. Threads: set OMP_NUM_THREADS. Channels come
first, as PyTorch prefers them on the CPU; the shapes are those of workloads.mjs.
"""
import argparse, json, resource, statistics, time
import torch
import torch.nn as nn, torch.nn.functional as F


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body, self.shortcut = body, shortcut or nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


def block(inputs, filters, stride=1):
    body = nn.Sequential(
        nn.Conv2d(inputs, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU(),
        nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters))
    shortcut = None
    if stride > 1:
        shortcut = nn.Sequential(nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
    return Residual(body, shortcut)


def resnet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), block(16, 16), block(16, 16),
        block(16, 32, 2), block(32, 32), block(32, 64, 2), block(64, 64),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


BLOCKS = {  # name: (layer, input)
    "batch-norm": (lambda: nn.BatchNorm2d(32), lambda: torch.randn(64, 32, 28, 28)),
    "batch-norm-deep": (lambda: nn.BatchNorm2d(256), lambda: torch.randn(64, 256, 7, 7)),
    "layer-norm": (lambda: nn.LayerNorm(256), lambda: torch.randn(64, 128, 256)),
    "depthwise-3x3": (lambda: nn.Conv2d(64, 64, 3, padding=1, groups=64), lambda: torch.randn(64, 64, 28, 28)),
    "depthwise-5x5": (lambda: nn.Conv2d(128, 128, 5, padding=2, groups=128), lambda: torch.randn(64, 128, 14, 14)),
    "depthwise-stride-2": (lambda: nn.Conv2d(64, 64, 3, 2, padding=1, groups=64), lambda: torch.randn(64, 64, 28, 28)),
    "grouped-3x3": (lambda: nn.Conv2d(64, 64, 3, padding=1, groups=4), lambda: torch.randn(64, 64, 28, 28)),
    "conv-transpose": (lambda: nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), lambda: torch.randn(64, 64, 14, 14)),
    "embedding": (lambda: nn.Embedding(10000, 128), lambda: torch.randint(0, 10000, (64, 128))),
}


def training_step():
    torch.manual_seed(0)
    model = resnet()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=5e-5)
    x, y = torch.rand(64, 1, 28, 28), torch.randint(0, 10, (64,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()
    return step


def forward_backward(name):
    torch.manual_seed(0)
    make, inputs = BLOCKS[name]
    layer, x = make(), inputs()
    if x.is_floating_point():
        x.requires_grad_()
    cotangent = torch.randn(layer(x).shape)

    def step():
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x).backward(cotangent)
    return step


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("name", choices=["resnet", *BLOCKS])
    arguments.add_argument("--steps", type=int, default=50)
    arguments = arguments.parse_args()
    step = training_step() if arguments.name == "resnet" else forward_backward(arguments.name)
    times = []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    times = times[arguments.steps // 5:]
    print(json.dumps({"step_ms": statistics.median(times), "step_ms_min": min(times),
                      "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


main()
