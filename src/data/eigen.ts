/** Eigenvalues and eigenvectors of a symmetric matrix, by ml-matrix (Householder's tridiagonal form and implicit QL); O(n^3). */
export interface Eigen {
  /** Descending. */
  readonly values: Float64Array;
  /** Row-major, n x n: row i belongs to values[i], has length 1, and its entry of largest magnitude is positive. */
  readonly vectors: Float64Array;
}

/** `matrix` is n x n, row-major and symmetric; it is left unchanged. */
export async function symmetricEigen(matrix: Float64Array, n: number): Promise<Eigen> {
  const { EigenvalueDecomposition, Matrix } = await import('ml-matrix');
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(Matrix.from1DArray(n, n, matrix), {
    assumeSymmetric: true,
  });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a] || a - b);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    const vector = eigenvectorMatrix.getColumn(from);
    const largest = vector.reduce((best, x, i) => (Math.abs(x) > Math.abs(vector[best]) ? i : best), 0);
    const sign = vector[largest] < 0 ? -1 : 1;
    for (let i = 0; i < n; i++) vectors[to * n + i] = sign * vector[i];
  });
  return { values: Float64Array.from(order, (i) => realEigenvalues[i]), vectors };
}
