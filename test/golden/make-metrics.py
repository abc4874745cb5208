"""Metrics from scikit-learn in float64, and clipped gradients from PyTorch: writes metrics.json and clipping.json beside this file.

    python3 test/golden/make-metrics.py      (scikit-learn 1.2, PyTorch 1.13)
"""
import json, pathlib
import numpy as np, torch
import sklearn
from sklearn import metrics as m

random = np.random.default_rng(3)
cases = []


def case(metric, params, output, target, value):
    cases.append({'metric': metric, 'params': params, 'shape': list(output.shape), 'output': output.ravel().tolist(),
                  'targetShape': list(target.shape), 'targetType': 'i32' if target.dtype.kind == 'i' else 'f32',
                  'target': target.ravel().tolist(), 'value': float(value)})


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


# Class 4 neither occurs nor is predicted; class 3 is predicted and does not occur.
logits, labels = 2 * random.normal(size=(12, 5)), random.integers(0, 3, 12)
logits[:, 4] -= 50
predicted = logits.argmax(1)
assert 3 in predicted and 4 not in predicted
case('accuracy', {}, logits, labels, m.accuracy_score(labels, predicted))
for k in [1, 2, 3]:
    case('top_k_accuracy', {'k': k}, logits, labels, m.top_k_accuracy_score(labels, logits, k=k, labels=range(5)))
case('log_loss', {}, logits, labels, m.log_loss(labels, softmax(logits), labels=range(5)))
scores = {'precision': m.precision_score, 'recall': m.recall_score, 'f1': m.f1_score}
for name, score in scores.items():
    for average in ['macro', 'micro']:
        case(name, {'average': average}, logits, labels, score(labels, predicted, average=average, zero_division=0))

single, yes = 2 * random.normal(size=(12, 1)), random.integers(0, 2, 12)
positive = (single[:, 0] > 0) * 1
case('accuracy', {}, single, yes, m.accuracy_score(yes, positive))
case('log_loss', {}, single, yes, m.log_loss(yes, 1 / (1 + np.exp(-single[:, 0]))))
for name, score in scores.items():
    case(name, {}, single, yes, score(yes, positive))

several, bits = 2 * random.normal(size=(12, 3)), random.integers(0, 2, (12, 3))
for name, score in scores.items():
    for average in ['macro', 'micro']:
        case(name, {'average': average}, several, bits * 1.0, score(bits, (several > 0) * 1, average=average))
case('accuracy', {}, several, bits * 1.0, m.accuracy_score(bits.ravel(), several.ravel() > 0))

y = 3 * random.normal(size=(12, 2)) + 5
x = y + random.normal(size=(12, 2))
case('mae', {}, x, y, m.mean_absolute_error(y, x))
case('rmse', {}, x, y, np.sqrt(m.mean_squared_error(y.ravel(), x.ravel())))
case('r2', {}, x, y, m.r2_score(y, x))

folder = pathlib.Path(__file__).parent
content = {'scikit-learn': sklearn.__version__, 'cases': cases}
(folder / 'metrics.json').write_text(json.dumps(content).replace('{"metric"', '\n{"metric"') + '\n')

torch.manual_seed(4)
torch.set_default_dtype(torch.float64)
gradients = [3 * torch.randn(3, 2), torch.randn(2)]


def clipped(clip):
    tensors = [torch.zeros_like(g) for g in gradients]
    for t, g in zip(tensors, gradients):
        t.grad = g.clone()
    clip(tensors)
    return [t.grad.flatten().tolist() for t in tensors]


clipping = {
    'torch': torch.__version__, 'shapes': [list(g.shape) for g in gradients],
    'gradients': [g.flatten().tolist() for g in gradients],
    'norms': [{'limit': n, 'gradients': clipped(lambda t: torch.nn.utils.clip_grad_norm_(t, n))} for n in [0.5, 3.0, 1e3]],
    'values': [{'limit': v, 'gradients': clipped(lambda t: torch.nn.utils.clip_grad_value_(t, v))} for v in [0.5, 2.0]],
}
(folder / 'clipping.json').write_text(json.dumps(clipping) + '\n')
