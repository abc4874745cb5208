"""Principal components and ZCA by scikit-learn and NumPy: python3 test/golden/make-projections.py > test/golden/projections.json"""
import json
import numpy as np
from sklearn.decomposition import PCA

random = np.random.RandomState(7)
mixing = random.normal(size=(5, 5)) * [3, 1, 0.3, 2, 0.1]
x = np.round(random.normal(size=(40, 5)) @ mixing + [1, -2, 0, 10, 0.5], 6)
new = np.round(random.normal(size=(3, 5)), 6)


def signed(pca, values):
    """The components' entries of the largest size made positive."""
    rows = pca.components_
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    return (pca.transform(values) * signs).tolist()


cases = []
for components, whiten in [(None, True), (3, True), (2, False), (0.9, True), (0.99, False)]:
    pca = PCA(n_components=components, whiten=whiten, svd_solver="full").fit(x)
    cases.append({"components": components, "whiten": whiten, "train": signed(pca, x), "new": signed(pca, new)})

epsilon = 0.01
values, vectors = np.linalg.eigh(np.cov(x.T))
zca = vectors @ np.diag(1 / np.sqrt(values + epsilon)) @ vectors.T
whitened = {"epsilon": epsilon, "train": ((x - x.mean(0)) @ zca).tolist(), "new": ((new - x.mean(0)) @ zca).tolist()}
matrix = np.round(random.normal(size=(12, 12)), 4)
matrix = (matrix + matrix.T) / 2
print(json.dumps({"x": x.tolist(), "new": new.tolist(), "pca": cases, "zca": whitened,
                  "matrix": matrix.tolist(), "eigenvalues": np.linalg.eigvalsh(matrix)[::-1].tolist()}))
