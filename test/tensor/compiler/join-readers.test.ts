import { describe, expect, it } from 'vitest';
import { exp, input, mul, type Node, reduceMax, reduceSum, reshape, sub } from '../../../src/tensor/index.js';
import { scheduleProgram } from '../../../src/tensor/compiler/schedule.js';
import { plainBackend } from '../helpers/plain-backend.js';
import { showKernel } from '../helpers/show-kernel.js';

/** The kernels with the level on which each runs, `level: kernel`. */
function levelsOf(...outputs: Node[]): string[] {
  const { kernels, stages } = scheduleProgram({ outputs, updates: [] }, plainBackend);
  return kernels
    .map(
      (k) =>
        `${stages
          .get(k)
          ?.map((s) => s.level)
          .join()}: ${showKernel(k)}`,
    )
    .sort();
}

describe('kernels that read the same large tensor', () => {
  /** Reads x twice: for its means, and with them. Its maxima can be taken at either time. */
  const centred = (rows: number): Node[] => {
    const [x, y] = [input('x', [rows, 1024]), input('y', [rows, 1024])];
    const mean = reshape(reduceSum(y, 1), [rows, 1]);
    return [reduceSum(exp(sub(x, mean)), 0), reduceMax(x, 1)];
  };

  it('run on one level, where nothing needs the earlier one sooner', () => {
    expect(levelsOf(...centred(512))).toEqual([
      '0: reduce_sum [512]',
      '1: reduce_max [512]',
      '1: reduce_sum [1024] of sub exp',
    ]);
  });

  it('run as soon as they can where the tensor stays in the cache anyway', () => {
    expect(levelsOf(...centred(64))).toEqual([
      '0: reduce_max [64]',
      '0: reduce_sum [64]',
      '1: reduce_sum [1024] of sub exp',
    ]);
  });

  it('are not held up where another kernel waits for one of them', () => {
    const [sums, maxima] = centred(512);
    expect(levelsOf(sums, maxima, reduceSum(mul(maxima, maxima)))).toEqual([
      '0: reduce_max [512]',
      '0: reduce_sum [512]',
      '1: reduce_sum [1024] of sub exp',
      '1: reduce_sum [] of mul',
    ]);
  });
});
