"""Ten steps of each optimizer in float64: writes optimizers.json beside this file.

    python3 test/golden/make-optimizers.py      (PyTorch 2.15)

The problem is a tanh layer fitted by least squares. The rate changes from step to step as under a schedule. Lion, LAMB and
Muon are not in PyTorch: they are written here from the pseudo-code of their papers.
"""
import json, pathlib
import torch
from torch import optim

torch.manual_seed(2)
torch.set_default_dtype(torch.float64)
x, y = torch.randn(6, 3), torch.rand(6, 2) - 0.5
weight0, bias0 = torch.randn(3, 2), torch.zeros(2)
FACTORS = [1, 1.5, 2, 1.5, 1, 0.5, 0.25, 0.5, 0.75, 1]


class Lion(optim.Optimizer):
    """Chen et al. 2023, program 1."""
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (b1, b2), lr = group['betas'], group['lr']
            for w in group['params']:
                m = self.state[w].setdefault('m', torch.zeros_like(w))
                update = torch.sign(b1 * m + (1 - b1) * w.grad)
                w.copy_(w - lr * (update + group['weight_decay'] * w))
                m.copy_(b2 * m + (1 - b2) * w.grad)


class Lamb(optim.Optimizer):
    """You et al. 2020, algorithm 2, phi the identity."""
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (b1, b2) = group['betas']
            for w in group['params']:
                s = self.state[w]
                t = s['t'] = s.get('t', 0) + 1
                m = s['m'] = b1 * s.get('m', 0) + (1 - b1) * w.grad
                v = s['v'] = b2 * s.get('v', 0) + (1 - b2) * w.grad ** 2
                r = (m / (1 - b1 ** t)) / (torch.sqrt(v / (1 - b2 ** t)) + group['eps'])
                u = r + group['weight_decay'] * w
                ratio = w.norm() / u.norm() if w.norm() > 0 and u.norm() > 0 else 1.0
                w.sub_(group['lr'] * ratio * u)


class Muon(optim.Optimizer):
    """Jordan et al. 2024: the authors' zeropower_via_newtonschulz5 and update, on [in, out] matrices; AdamW for vectors."""
    def __init__(self, params, lr=0.02, momentum=0.95, nesterov=True, rounds=5, weight_decay=0.0, vector_lr_factor=0.015,
                 betas=(0.9, 0.95), eps=1e-10):
        super().__init__(params, dict(lr=lr, momentum=momentum, nesterov=nesterov, rounds=rounds, weight_decay=weight_decay,
                                      vector_lr_factor=vector_lr_factor, betas=betas, eps=eps))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, beta, decay = group['lr'], group['momentum'], group['weight_decay']
            for w in group['params']:
                s = self.state[w]
                if w.ndim == 1:
                    (b1, b2), lr1 = group['betas'], lr * group['vector_lr_factor']
                    t = s['t'] = s.get('t', 0) + 1
                    m = s['m'] = b1 * s.get('m', 0) + (1 - b1) * w.grad
                    v = s['v'] = b2 * s.get('v', 0) + (1 - b2) * w.grad ** 2
                    w.mul_(1 - lr1 * decay)
                    w.sub_(lr1 * (m / (1 - b1 ** t)) / (torch.sqrt(v / (1 - b2 ** t)) + group['eps']))
                    continue
                buffer = s.setdefault('m', torch.zeros_like(w))
                buffer.lerp_(w.grad, 1 - beta)
                x = (w.grad.lerp(buffer, beta) if group['nesterov'] else buffer).t()  # [out, in], as the authors have it
                tall = x.size(0) > x.size(1)
                x = x.t() if tall else x
                x = x / (x.norm() + 1e-7)
                for _ in range(group['rounds']):
                    a = x @ x.t()
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
                x = x.t() if tall else x
                w.mul_(1 - lr * decay)
                w.sub_(lr * max(1, x.size(0) / x.size(1)) ** 0.5 * x.t())


CASES = [
    ('sgd', optim.SGD, {'lr': 0.1}),
    ('sgd', optim.SGD, {'lr': 0.1, 'momentum': 0.9}),
    ('sgd', optim.SGD, {'lr': 0.1, 'momentum': 0.9, 'nesterov': True, 'weight_decay': 0.01}),
    ('sgd', optim.SGD, {'lr': 0.1, 'momentum': 0.8, 'dampening': 0.3}),
    ('adam', optim.Adam, {}),
    ('adam', optim.Adam, {'lr': 0.05, 'betas': [0.8, 0.95], 'eps': 1e-4, 'weight_decay': 0.1}),
    ('adam', optim.Adam, {'lr': 0.05, 'betas': [0.5, 0.6], 'amsgrad': True}),
    ('adamw', optim.AdamW, {}),
    ('adamw', optim.AdamW, {'lr': 0.05, 'weight_decay': 0.3, 'amsgrad': True}),
    ('adagrad', optim.Adagrad, {}),
    ('adagrad', optim.Adagrad, {'lr': 0.1, 'lr_decay': 0.1, 'initial_accumulator_value': 0.2, 'weight_decay': 0.1}),
    ('rmsprop', optim.RMSprop, {}),
    ('rmsprop', optim.RMSprop, {'alpha': 0.9, 'momentum': 0.5, 'weight_decay': 0.1}),
    ('rmsprop', optim.RMSprop, {'alpha': 0.8, 'centered': True, 'momentum': 0.3}),
    ('adadelta', optim.Adadelta, {}),
    ('adadelta', optim.Adadelta, {'lr': 0.5, 'rho': 0.7, 'weight_decay': 0.1}),
    ('rprop', optim.Rprop, {}),
    ('rprop', optim.Rprop, {'lr': 0.1, 'etas': [0.3, 1.5], 'step_sizes': [1e-3, 0.2]}),
    ('adamax', optim.Adamax, {}),
    ('adamax', optim.Adamax, {'lr': 0.05, 'betas': [0.8, 0.9], 'eps': 1e-3, 'weight_decay': 0.1}),
    ('nadam', optim.NAdam, {}),
    ('nadam', optim.NAdam, {'lr': 0.05, 'betas': [0.8, 0.95], 'weight_decay': 0.1, 'momentum_decay': 0.4}),
    ('radam', optim.RAdam, {}),
    ('radam', optim.RAdam, {'lr': 0.05, 'betas': [0.8, 0.9], 'weight_decay': 0.1}),
    ('radam', optim.RAdam, {'lr': 0.05, 'betas': [0.8, 0.6]}),
    ('lion', Lion, {}),
    ('lion', Lion, {'lr': 0.01, 'betas': [0.5, 0.9], 'weight_decay': 0.2}),
    ('lamb', Lamb, {}),
    ('muon', Muon, {}),
    ('muon', Muon, {'lr': 0.05, 'momentum': 0.8, 'nesterov': False, 'rounds': 3, 'weight_decay': 0.2, 'vector_lr_factor': 0.5}),
    ('lamb', Lamb, {'lr': 0.05, 'weight_decay': 0.2, 'eps': 1e-3}),
    ('lbfgs', optim.LBFGS, {}),
    ('lbfgs', optim.LBFGS, {'lr': 0.3, 'history_size': 3}),
    ('lbfgs', optim.LBFGS, {'lr': 0.3, 'tolerance_change': 0.02}),
    ('lbfgs', optim.LBFGS, {'tolerance_grad': 0.05}),
]

cases = []
for name, make, options in CASES:
    weight, bias = (p.clone().requires_grad_() for p in (weight0, bias0))
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    if name == 'lbfgs':
        # One iteration a step; ours keeps ten steps by default, PyTorch a hundred.
        kept = {'history_size': 10} | kept | {'max_iter': 1}
    optimizer = make([weight, bias], **({'lr': 0.01} if name == 'sgd' else {}) | kept)
    base = optimizer.param_groups[0]['lr']
    # PyTorch's Rprop uses its rate in the first step only.
    factors = [1] * 10 if name == 'rprop' else FACTORS
    steps = []
    for factor in factors:
        optimizer.param_groups[0]['lr'] = base * factor
        optimizer.zero_grad()
        loss = ((torch.tanh(x @ weight + bias) - y) ** 2).mean()
        loss.backward()
        optimizer.step(*([lambda: loss] if name == 'lbfgs' else []))
        steps.append({'loss': loss.item(), 'weight': weight.flatten().tolist(), 'bias': bias.tolist()})
    cases.append({'optimizer': name, 'params': options, 'factors': factors, 'steps': steps})

content = {'torch': torch.__version__, 'x': x.flatten().tolist(), 'y': y.flatten().tolist(),
           'weight': weight0.flatten().tolist(), 'bias': bias0.tolist(), 'cases': cases}
path = pathlib.Path(__file__).with_name('optimizers.json')
path.write_text(json.dumps(content).replace('{"optimizer"', '\n{"optimizer"') + '\n')
