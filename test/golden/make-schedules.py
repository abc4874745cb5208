"""Learning rates of 30 steps (10 epochs of 3) from PyTorch 2.15, as factors on the base rate: writes schedules.json beside this file.

    python3 test/golden/make-schedules.py
"""
import json, pathlib
import torch
from torch.optim import lr_scheduler as s

STEPS, PER_EPOCH, LR = 30, 3, 0.4
cases = []


def case(schedule, params, make, per_epoch=False, exact_epoch=False):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], LR)
    scheduler = make(optimizer)
    factors = []
    for step in range(STEPS):
        factors.append(optimizer.param_groups[0]['lr'] / LR)
        optimizer.step()
        if exact_epoch:
            scheduler.step((step + 1) / PER_EPOCH)
        elif not per_epoch or (step + 1) % PER_EPOCH == 0:
            scheduler.step()
    cases.append({'schedule': schedule, 'params': params, 'factors': factors})


def warm(after, steps):
    """Linear growth over `steps` steps, then `after`."""
    return lambda o: s.SequentialLR(o, [s.LinearLR(o, 1 / (steps + 1), total_iters=steps), after(o)], milestones=[steps])


case('constant', {}, lambda o: s.LambdaLR(o, lambda t: 1.0))
case('constant', {'warmup_steps': 7}, lambda o: s.LinearLR(o, 1 / 8, total_iters=7))
case('step', {'step_size': 4}, lambda o: s.StepLR(o, 4), per_epoch=True)
case('step', {'step_size': 2, 'gamma': 0.7}, lambda o: s.StepLR(o, 2, 0.7), per_epoch=True)
case('multi_step', {'milestones': [2, 3, 7], 'gamma': 0.5}, lambda o: s.MultiStepLR(o, [2, 3, 7], 0.5), per_epoch=True)
case('exponential', {'gamma': 0.8}, lambda o: s.ExponentialLR(o, 0.8), per_epoch=True)
case('polynomial', {}, lambda o: s.PolynomialLR(o, STEPS))
case('polynomial', {'power': 2}, lambda o: s.PolynomialLR(o, STEPS, 2))
case('polynomial', {'power': 2, 'warmup_epochs': 2}, warm(lambda o: s.PolynomialLR(o, STEPS - 6, 2), 6))
case('cosine', {}, lambda o: s.CosineAnnealingLR(o, STEPS))
case('cosine', {'final_factor': 0.1}, lambda o: s.CosineAnnealingLR(o, STEPS, 0.1 * LR))
case('cosine', {'warmup_steps': 5}, warm(lambda o: s.CosineAnnealingLR(o, STEPS - 5), 5))
case('cosine', {'restart_epochs': 3}, lambda o: s.CosineAnnealingWarmRestarts(o, 3), exact_epoch=True)
case('cosine', {'restart_epochs': 2, 'restart_multiplier': 2, 'final_factor': 0.05},
     lambda o: s.CosineAnnealingWarmRestarts(o, 2, 2, 0.05 * LR), exact_epoch=True)
case('one_cycle', {}, lambda o: s.OneCycleLR(o, LR, STEPS, cycle_momentum=False))
case('one_cycle', {'pct_start': 0.45, 'anneal': 'linear', 'div_factor': 10, 'final_div_factor': 100},
     lambda o: s.OneCycleLR(o, LR, STEPS, pct_start=0.45, anneal_strategy='linear', div_factor=10, final_div_factor=100,
                            cycle_momentum=False))

# Reduce on plateau: the rates of 20 epochs given the figure at the end of each, float32-friendly numbers.
figures = [5, 4, 3.9999, 4.2, 3.9, 3.9, 3.95, 3.9, float('nan'), 3.85, 3.84, 3.85, 3.9, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5]
plateaus = []


def plateau(params):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], LR)
    scheduler = s.ReduceLROnPlateau(optimizer, **{'mode': 'min'} | params)
    values = [10 - f for f in figures] if params.get('mode') == 'max' else figures
    rates = []
    for value in values:
        rates.append(optimizer.param_groups[0]['lr'] / LR)
        optimizer.step()
        scheduler.step(value)
    plateaus.append({'params': params, 'values': [None if v != v else v for v in values], 'factors': rates})


plateau({'patience': 1})
plateau({'patience': 0, 'factor': 0.5, 'cooldown': 2})
plateau({'patience': 2, 'factor': 0.3, 'threshold': 0.02})
plateau({'patience': 1, 'factor': 0.5, 'threshold': 0.06, 'threshold_mode': 'abs', 'min_lr': 0.09})
plateau({'patience': 1, 'factor': 0.2, 'mode': 'max', 'threshold': 0.01, 'eps': 0.01})
plateau({'patience': 1, 'factor': 0.2, 'mode': 'max', 'threshold': 0.05, 'threshold_mode': 'abs'})

path = pathlib.Path(__file__).with_name('schedules.json')
content = {'torch': torch.__version__, 'totalSteps': STEPS, 'stepsPerEpoch': PER_EPOCH, 'cases': cases,
           'plateaus': plateaus}
path.write_text(json.dumps(content).replace('{"schedule"', '\n{"schedule"') + '\n')
