/**
 * Derivatives against central finite differences in float64, first and second order. The function is made scalar by a random
 * projection, which is an input itself: so the second derivative also covers how a derivative depends on its cotangent.
 */
import { add, allocate, evaluate, grad, hostRandom, type HostRandom, input, mul, type Node, reduceSum, sizeOf } from '../../../src/tensor/index.js'; // prettier-ignore
import { type Values } from '../../../src/tensor/graph.js';
import { type GraphInput } from './random-graph.js';

/** Central differences with h = 1e-5 leave h^2 = 1e-10 of the third derivative and 1e-11 of rounding. */
const STEP = 1e-5;
const TOLERANCE = 1e-6;

/** The values of `roots` in float64. */
export function valuesAt(roots: readonly Node[], inputs: readonly GraphInput[]): Values[] {
  return evaluate(roots, (node) => {
    const given = inputs.find((i) => i.node === node);
    if (!given) throw new Error(`input ${node.attrs.name} was given no values`);
    const values = allocate(node.dtype, sizeOf(node.shape));
    if (values.length !== given.values.length)
      throw new Error(`input ${node.attrs.name} was given a wrong number of values`);
    values.set(given.values);
    return values;
  });
}

/** sum of y * p for a random p, and p. */
function projected(y: Node, name: string, random: HostRandom): { loss: Node; projection: GraphInput } {
  const node = input(name, y.shape);
  const values = Array.from({ length: sizeOf(y.shape) }, () => random.uniform() * 2 - 1);
  return { loss: reduceSum(mul(y, node)), projection: { node, values } };
}

/** Checks grad(loss) along a random direction of each float input, and in some of its elements. */
function expectMatch(what: string, loss: Node, inputs: readonly GraphInput[], random: HostRandom): void {
  const variables = inputs.filter((i) => i.node.dtype === 'f32');
  const derivatives = valuesAt(grad(loss, variables.map((v) => v.node)), inputs); // prettier-ignore
  variables.forEach((variable, k) => {
    const size = variable.values.length;
    const unit = (at: number): number[] => variable.values.map((_, i) => (i === at ? 1 : 0));
    const everywhere = variable.values.map(() => (random.uniform() * 2 - 1) / Math.sqrt(size));
    const some = size <= 3 ? variable.values.map((_, i) => i) : [0, random.below(size), size - 1];
    for (const direction of [...some.map(unit), everywhere]) {
      const lossAt = (step: number): number => {
        const shifted = { node: variable.node, values: variable.values.map((v, i) => v + step * direction[i]) };
        return valuesAt([loss], inputs.map((i) => (i === variable ? shifted : i)))[0][0]; // prettier-ignore
      };
      const numeric = (lossAt(STEP) - lossAt(-STEP)) / (2 * STEP);
      const analytic = direction.reduce((total, d, i) => total + d * derivatives[k][i], 0);
      const scale = Math.max(1, Math.abs(numeric), Math.abs(lossAt(0)));
      if (!(Math.abs(numeric - analytic) <= TOLERANCE * scale)) {
        const where = direction === everywhere ? 'along a random direction' : `in element ${direction.indexOf(1)}`;
        const name = variable.node.op === 'input' ? variable.node.attrs.name : variable.node.op;
        throw new Error(
          `${what} with respect to ${name} ${where}: grad gives ${analytic}, finite differences ${numeric}`,
        );
      }
    }
  });
}

/** Throws unless the first and second derivatives of `output` with respect to every float input are those of finite differences. */
export function expectGradient(
  output: Node,
  inputs: readonly GraphInput[],
  random = hostRandom(1, 'projection'),
): void {
  const { loss, projection } = projected(output, 'projection', random);
  const all = [...inputs, projection];
  expectMatch('first derivative', loss, all, random);

  const variables = all.filter((i) => i.node.dtype === 'f32').map((i) => i.node);
  const second = grad(loss, variables).map((g, i) => projected(g, `projection.${i}`, random));
  const total = second.map((s) => s.loss).reduce((a, b) => add(a, b));
  expectMatch('second derivative', total, [...all, ...second.map((s) => s.projection)], random);
}
