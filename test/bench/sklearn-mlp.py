"""Cross-validated scores of scikit-learn's MLP, for tabular.mjs: prints a JSON list, the mean over the folds for each seed.

    python3 test/bench/sklearn-mlp.py '{"path": ..., "target": ..., "hidden": [32], ...}'      (scikit-learn 1.2)
"""
import csv
import json
import sys
import warnings

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")  # It has not converged: the budget is a number of epochs.
budget = json.loads(sys.argv[1])
with open(budget["path"]) as file:
    rows = list(csv.DictReader(file))
names = [name for name in rows[0] if name != budget["target"]]
x = np.array([[float(row[name]) for name in names] for row in rows])
classifies = budget["task"] == "classification"
y = np.array([row[budget["target"]] if classifies else float(row[budget["target"]]) for row in rows])

scores = []
for seed in budget["seeds"]:
    model = (MLPClassifier if classifies else MLPRegressor)(
        hidden_layer_sizes=budget["hidden"],
        activation=budget["activation"],
        solver="adam",
        learning_rate_init=budget["lr"],
        batch_size=budget["batch_size"],
        max_iter=budget["epochs"],
        n_iter_no_change=budget["epochs"],
        tol=0,
        random_state=seed,
    )
    folds = (StratifiedKFold if classifies else KFold)(budget["folds"], shuffle=True, random_state=seed)
    scores.append(cross_val_score(make_pipeline(StandardScaler(), model), x, y, cv=folds).mean())
print(json.dumps(scores))
