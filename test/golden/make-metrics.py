"""Metrics from scikit-learn in float64, and clipped gradients from PyTorch: writes metrics.json and clipping.json beside this file.

    python3 test/golden/make-metrics.py      (scikit-learn 1.9, PyTorch 2.15)
"""
import json, pathlib
import numpy as np, torch
import sklearn
from sklearn import metrics as m

random = np.random.default_rng(3)
cases = []


def case(metric, params, output, target, value, table=False):
    cases.append({'metric': metric, 'params': params, 'shape': list(output.shape), 'output': output.ravel().tolist(),
                  'targetShape': list(target.shape), 'targetType': 'i32' if target.dtype.kind == 'i' else 'f32',
                  'target': target.ravel().tolist(), **({'table': np.asarray(value).tolist()} if table else {'value': float(value)})})


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
    for average in ['macro', 'micro', 'weighted']:
        case(name, {'average': average}, logits, labels, score(labels, predicted, average=average, zero_division=0))

single, yes = 2 * random.normal(size=(12, 1)), random.integers(0, 2, 12)
positive = (single[:, 0] > 0) * 1
case('accuracy', {}, single, yes, m.accuracy_score(yes, positive))
case('log_loss', {}, single, yes, m.log_loss(yes, 1 / (1 + np.exp(-single[:, 0]))))
for name, score in scores.items():
    case(name, {}, single, yes, score(yes, positive))

several, bits = 2 * random.normal(size=(12, 3)), random.integers(0, 2, (12, 3))
for name, score in scores.items():
    for average in ['macro', 'micro', 'weighted']:
        case(name, {'average': average}, several, bits * 1.0, score(bits, (several > 0) * 1, average=average))
case('accuracy', {}, several, bits * 1.0, m.accuracy_score(bits.ravel(), several.ravel() > 0))

# Every class occurs; rounded, so that there are ties.
ranked, kinds = np.round(2 * random.normal(size=(12, 3)), 1), np.array([0, 1, 2] * 4)
ranked[np.arange(12), kinds] += 1
for average in ['macro', 'micro', 'weighted']:
    case('roc_auc', {'average': average}, ranked, kinds,
         m.roc_auc_score(kinds, softmax(ranked), multi_class='ovr', average=average))
    case('roc_auc', {'average': average}, several, bits * 1.0, m.roc_auc_score(bits, several, average=average))
    case('average_precision', {'average': average}, ranked, kinds,
         m.average_precision_score(np.eye(3)[kinds], softmax(ranked), average=average))
    case('average_precision', {'average': average}, several, bits * 1.0, m.average_precision_score(bits, several, average=average))
# Many ties: of equal logits in another order, and of logits that differ by a constant (integers, so that softmax gives equal bits).
tied = np.array([[2, 2, 0, -1], [0, 2, 2, -1], [3, 3, 1, 0], [-1, 0, 2, 2], [1, 0, 0, 0], [5, 4, 4, 4], [0, 0, 1, 0], [1, 2, 0, 1],
                 [2, 1, 1, 0], [0, 1, 2, 1], [4, 3, 3, 2], [2, 2, 2, 2]], float)
tied_kinds = np.array([0, 1, 2, 3, 0, 1, 2, 3, 1, 0, 3, 2])
# Softmax with a sum that does not depend on the order.
probability = np.array([np.exp(row - row.max()) / sum(sorted(np.exp(row - row.max()))) for row in tied])
for average in ['macro', 'weighted']:
    case('roc_auc', {'average': average}, tied, tied_kinds,
         m.roc_auc_score(tied_kinds, probability, multi_class='ovr', average=average))
for average in ['macro', 'micro', 'weighted']:
    case('average_precision', {'average': average}, tied, tied_kinds,
         m.average_precision_score(np.eye(4)[tied_kinds], probability, average=average))
case('roc_auc', {'average': 'micro'}, tied, tied_kinds, m.roc_auc_score(np.eye(4)[tied_kinds], probability, average='micro'))
# Coarse, so that there are ties.
coarse = np.round(single / 2)
two = np.stack([random.normal(size=12), random.normal(size=12)], 1)
for name, score in [('roc_auc', m.roc_auc_score), ('average_precision', m.average_precision_score)]:
    case(name, {}, single, yes, score(yes, single[:, 0]))
    case(name, {}, coarse, yes, score(yes, coarse[:, 0]))
    case(name, {}, two, yes, score(yes, softmax(two)[:, 1]))


def calibration_error(confidences, right, bins):
    """ECELoss of the authors of Guo et al. 2017 (github.com/gpleiss/temperature_scaling), its loop."""
    boundaries, ece = np.linspace(0, 1, bins + 1), 0.0
    for lower, upper in zip(boundaries[:-1], boundaries[1:]):
        inside = (confidences > lower) & (confidences <= upper)
        if inside.any():
            ece += abs(confidences[inside].mean() - right[inside].mean()) * inside.mean()
    return ece


for bins in [15, 4]:
    case('expected_calibration_error', {'bins': bins}, logits, labels,
         calibration_error(softmax(logits).max(1), predicted == labels, bins))
    p = 1 / (1 + np.exp(-single[:, 0]))
    case('expected_calibration_error', {'bins': bins}, single, yes, calibration_error(np.maximum(p, 1 - p), positive == yes, bins))

case('matthews_correlation', {}, logits, labels, m.matthews_corrcoef(labels, predicted))
case('matthews_correlation', {}, single, yes, m.matthews_corrcoef(yes, positive))
case('balanced_accuracy', {}, logits, labels, m.balanced_accuracy_score(labels, predicted))
case('balanced_accuracy', {}, single, yes, m.balanced_accuracy_score(yes, positive))
for weights in ['none', 'linear', 'quadratic']:
    case('cohen_kappa', {'weights': weights}, logits, labels,
         m.cohen_kappa_score(labels, predicted, labels=range(5), weights=None if weights == 'none' else weights))
case('cohen_kappa', {}, single, yes, m.cohen_kappa_score(yes, positive))
case('subset_accuracy', {}, several, bits * 1.0, m.accuracy_score(bits, several > 0))
case('subset_accuracy', {}, logits, labels, m.accuracy_score(labels, predicted))
case('confusion_matrix', {}, logits, labels, m.confusion_matrix(labels, predicted, labels=range(5)), table=True)
case('confusion_matrix', {}, single, yes, m.confusion_matrix(yes, positive), table=True)
case('multilabel_confusion_matrix', {}, several, bits * 1.0, m.multilabel_confusion_matrix(bits, several > 0).reshape(3, 4), table=True)
for output, target, guess, classes in [(logits, labels, predicted, 5), (single, yes, positive, 2), (several, bits * 1.0, several > 0, 3)]:
    truth = bits if output is several else target
    columns = m.precision_recall_fscore_support(truth, guess, labels=range(classes), zero_division=0)
    case('classification_report', {}, output, target, np.stack(columns, 1), table=True)

y = 3 * random.normal(size=(12, 2)) + 5
x = y + random.normal(size=(12, 2))
case('mae', {}, x, y, m.mean_absolute_error(y, x))
case('rmse', {}, x, y, np.sqrt(m.mean_squared_error(y.ravel(), x.ravel())))
case('r2', {}, x, y, m.r2_score(y, x))
case('mse', {}, x, y, m.mean_squared_error(y, x))
case('mape', {}, x, y, m.mean_absolute_percentage_error(y, x))
case('median_absolute_error', {}, x, y, m.median_absolute_error(y, x))
case('median_absolute_error', {}, x[:7], y[:7], m.median_absolute_error(y[:7], x[:7]))
case('max_error', {}, x[:, :1], y[:, :1], m.max_error(y[:, 0], x[:, 0]))
case('explained_variance', {}, x, y, m.explained_variance_score(y, x))
# A large mean, and a target that is constant: fitted exactly, and not.
far = y + 2000
case('r2', {}, x + 2000, far, m.r2_score(far, x + 2000))
constant = np.stack([y[:, 0], np.full(12, 3.0), np.full(12, 3.0)], 1)
fitted = np.stack([x[:, 0], np.full(12, 3.0), x[:, 1]], 1)
case('r2', {}, fitted, constant, m.r2_score(constant, fitted))
case('explained_variance', {}, fitted, constant, m.explained_variance_score(constant, fitted))

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
