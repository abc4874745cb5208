"""Values and gradients of losses from PyTorch 1.13 in float64: writes losses.json beside this file.

    python3 test/golden/make-losses.py
"""
import json, math, pathlib
import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
cases = []


def case(loss, params, output, target, per_sample):
    """per_sample(x): the loss of every element or sample, averaged here over all but the first axis."""
    x = output.clone().requires_grad_()
    values = per_sample(x)
    values = values.reshape(len(x), -1).mean(1)
    # Weighted, so that a gradient given to the wrong sample is seen.
    weights = torch.arange(1.0, len(x) + 1)
    (gradient,) = torch.autograd.grad((values * weights).sum(), x)
    cases.append({
        'loss': loss, 'params': params, 'shape': list(output.shape), 'output': output.flatten().tolist(),
        'targetShape': list(target.shape), 'targetType': 'f32' if target.is_floating_point() else 'i32',
        'target': target.flatten().tolist(), 'values': values.detach().tolist(), 'gradient': gradient.flatten().tolist(),
    })


def one_hot(labels, classes):
    return F.one_hot(labels, classes).to(torch.float64)


logits, labels = 3 * torch.randn(5, 4), torch.tensor([0, 3, 1, 2, 1])
weights = [0.5, 1.0, 2.0, 3.0]
for params, options in [
    ({}, {}),
    ({'label_smoothing': 0.1}, {'label_smoothing': 0.1}),
    ({'class_weights': weights}, {'weight': torch.tensor(weights)}),
    ({'label_smoothing': 0.2, 'class_weights': weights}, {'label_smoothing': 0.2, 'weight': torch.tensor(weights)}),
]:
    case('softmax_cross_entropy', params, logits, labels, lambda x: F.cross_entropy(x, labels, reduction='none', **options))

single, yes = torch.tensor([[1.5], [-0.3], [0.0], [4.0], [-25.0]]), torch.tensor([1, 1, 0, 0, 1])
soft = torch.rand(5, 3)
several = 3 * torch.randn(5, 3)
bce = F.binary_cross_entropy_with_logits
case('binary_cross_entropy', {}, single, yes, lambda x: bce(x, yes[:, None] * 1.0, reduction='none'))
case('binary_cross_entropy', {}, several, soft, lambda x: bce(x, soft, reduction='none'))
case('binary_cross_entropy', {'pos_weight': 3.0}, several, soft,
     lambda x: bce(x, soft, reduction='none', pos_weight=torch.tensor(3.0)))
case('binary_cross_entropy', {'label_smoothing': 0.1}, several, soft, lambda x: bce(x, soft * 0.9 + 0.05, reduction='none'))


def sigmoid_focal(x, y, gamma, alpha):
    """torchvision.ops.sigmoid_focal_loss, its formula."""
    p = torch.sigmoid(x)
    ce = bce(x, y, reduction='none')
    p_t = p * y + (1 - p) * (1 - y)
    return (alpha * y + (1 - alpha) * (1 - y)) * ce * (1 - p_t) ** gamma


def softmax_focal(x, y, gamma, alpha):
    """The paper's equation 5 with the softmax's probability of the label."""
    p = torch.softmax(x, 1).gather(1, y[:, None])[:, 0]
    return alpha * (1 - p) ** gamma * -torch.log(p)


bits = (soft > 0.5) * 1.0
for gamma, alpha in [(2.0, 0.25), (0.5, 0.7), (0.0, 0.5)]:
    params = {'gamma': gamma, 'alpha': alpha}
    case('focal', params, single, yes, lambda x: sigmoid_focal(x, yes[:, None] * 1.0, gamma, alpha))
    case('focal', params, several, bits, lambda x: sigmoid_focal(x, bits, gamma, alpha))
    case('focal', params, logits, labels, lambda x: softmax_focal(x, labels, gamma, alpha))

case('hinge', {}, logits, labels, lambda x: F.multi_margin_loss(x, labels, reduction='none'))
case('hinge', {'margin': 0.5, 'squared': True}, logits, labels,
     lambda x: F.multi_margin_loss(x, labels, p=2, margin=0.5, reduction='none'))
case('hinge', {}, single, yes, lambda x: F.relu(1 - (2 * yes[:, None] - 1) * x))
case('hinge', {'squared': True}, several, bits, lambda x: F.relu(1 - (2 * bits - 1) * x) ** 2)

x, y = 2 * torch.randn(5, 3), torch.randn(5, 3)
case('mean_squared_error', {}, x, y, lambda x: F.mse_loss(x, y, reduction='none'))
case('mean_absolute_error', {}, x, y, lambda x: F.l1_loss(x, y, reduction='none'))
case('huber', {}, x, y, lambda x: F.huber_loss(x, y, reduction='none'))
case('huber', {'delta': 2.5}, x, y, lambda x: F.huber_loss(x, y, delta=2.5, reduction='none'))
case('log_cosh', {}, x, y, lambda x: torch.log(torch.cosh(x - y)))
for q in [0.5, 0.9]:
    case('quantile', {'q': q}, x, y, lambda x: torch.maximum(q * (y - x), (q - 1) * (y - x)))
spread = 2 * torch.randn(5, 6)
case('quantile', {'q': [0.1, 0.8]}, spread, y, lambda x: torch.cat([
    torch.maximum(q * (y - part), (q - 1) * (y - part)) for q, part in [(0.1, x[:, :3]), (0.8, x[:, 3:])]], 1))
counts = torch.tensor([[0.0, 1, 4], [2, 2, 0], [7, 1, 1], [0, 0, 3], [1, 5, 2]])
case('poisson', {}, x, counts, lambda x: F.poisson_nll_loss(x, counts, log_input=True, reduction='none'))
both = torch.cat([x, 1.5 * torch.randn(5, 3)], 1)
for full in [False, True]:
    case('gaussian_nll', {'full': full}, both, y,
         lambda x: F.gaussian_nll_loss(x[:, :3], y, torch.exp(x[:, 3:]), full=full, reduction='none'))

for variance in [1.0, 0.3]:
    case('gaussian_nll', {'variance': variance, 'full': True}, x, y,
         lambda x: F.gaussian_nll_loss(x, y, torch.full((5, 3), variance), full=True, reduction='none'))

# Weights of classes: a factor on the loss of each sample.
of_label = torch.tensor(weights)[labels]
case('focal', {'class_weights': weights}, logits, labels, lambda x: of_label * softmax_focal(x, labels, 2.0, 0.25))
case('hinge', {'class_weights': weights}, logits, labels,
     lambda x: F.multi_margin_loss(x, labels, weight=torch.tensor(weights), reduction='none'))
of_bit = torch.tensor([0.5, 3.0])[yes][:, None]
case('binary_cross_entropy', {'class_weights': [0.5, 3.0]}, single, yes,
     lambda x: bce(x, yes[:, None] * 1.0, weight=of_bit, reduction='none'))
case('binary_cross_entropy', {'pos_weight': [0.5, 1.0, 4.0]}, several, soft,
     lambda x: bce(x, soft, reduction='none', pos_weight=torch.tensor([0.5, 1.0, 4.0])))

path = pathlib.Path(__file__).with_name('losses.json')
path.write_text(json.dumps({'torch': torch.__version__, 'cases': cases}, indent=None).replace('{"loss"', '\n{"loss"') + '\n')
