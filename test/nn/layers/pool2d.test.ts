import { describe, expect, it } from 'vitest';
import { expectDerivatives, expectValues, network, outputOf } from '../helpers/network.js';

// Expected numbers are from PyTorch 1.13 in float64, on the values of helpers/network.ts.

describe('pooling', () => {
  it.each([
    ['max_pool2d', [4, 4, 2], [0.751280405, 0.939099356, 0.999815615, 0.925211521, 0.467813004, 0.755760508, 0.941419373, 0.999661541]], // prettier-ignore
    [{ max_pool2d: { padding: 'same' } }, [3, 3, 2], [0.751280405, 0.939099356, 0.999815615, 0.925211521, -0.83776948, -0.583624661, -0.250488983, 0.116549205]], // prettier-ignore
    [{ max_pool2d: { pool_size: 3, strides: 1 } }, [4, 4, 1], [0.999815615, 0.939099356, 0.999815615, 0.925211521]],
    [{ avg_pool2d: { pool_size: [2, 3], strides: [2, 1] } }, [4, 5, 2], [-0.0972459769, -0.0162762732, 0.0668963477, 0.141014862, 0.196047676, 0.224546357, 0.142228515, 0.196830199, 0.224791838, 0.222328957, 0.189774894, 0.13153569]], // prettier-ignore
    // count_include_pad=False
    [{ avg_pool2d: { pool_size: 3, strides: 2, padding: 'same' } }, [3, 3, 2], [0.414493651, 0.383565025, 0.300722672, 0.177178916, -0.25692436, -0.357192306, -0.409115949, -0.405667667]], // prettier-ignore
  ])('%j on %j gives the values of PyTorch', (written, sample, expected) => {
    expectValues(outputOf(network([written], sample)), expected);
  });

  it('global_avg_pool2d is the mean of each channel', () => {
    const expected = [0.339675563, 0.266312453, 0.0427890443, 0.171749532];
    expectValues(outputOf(network(['global_avg_pool2d'], [2, 3, 2], { batch: 2 })), expected);
  });

  it('global_max_pool2d is the largest value of each channel', () => {
    const x = [1, 8, 2, 7, 3, 6, 4, 5];
    expect(outputOf(network(['global_max_pool2d'], [2, 2, 2]), { x })).toEqual([4, 8]);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network([{ max_pool2d: { pool_size: 3, strides: 2, padding: 'same' } }], [4, 5, 2]));
    expectDerivatives(network([{ avg_pool2d: { pool_size: 3, strides: 2, padding: 'same' } }], [4, 5, 2]));
    expectDerivatives(network(['global_avg_pool2d'], [3, 2, 2]));
    expectDerivatives(network(['global_max_pool2d'], [3, 2, 2]));
  });

  it('names a window that does not fit', () => {
    expect(() => network(['flatten', 'max_pool2d'], [4, 4, 1])).toThrow('layers.1 (max_pool2d): needs [height, width');
    expect(() => network([{ avg_pool2d: { pool_size: 3 } }], [2, 2, 1])).toThrow('a pool of 3x3 does not fit');
  });
});
