import { describe, expect, it } from 'vitest';
import { afterEpoch, plateauStart } from '../../src/nn/plateau.js';
import { scheduleSchema } from '../../src/nn/schedules.js';
import { difference, golden } from './helpers/golden.js';

interface PlateauGolden {
  plateaus: {
    params: Record<string, unknown> & { mode?: 'min' | 'max' };
    values: (number | null)[];
    factors: number[];
  }[];
}
const { plateaus } = golden<PlateauGolden>('schedules');
/** The base rate of the script. */
const LR = 0.4;

describe('reduce_on_plateau', () => {
  it.each(plateaus.map((c) => ({ ...c, title: JSON.stringify(c.params) })))(
    '$title gives the rates of PyTorch’s ReduceLROnPlateau',
    ({ params, values, factors }) => {
      const config = scheduleSchema.parse({ reduce_on_plateau: params });
      if (config.type !== 'reduce_on_plateau') throw new Error('another schedule');
      let state = plateauStart;
      const rates = values.map((value) => {
        const { factor } = state;
        state = afterEpoch(state, value ?? NaN, { ...config, mode: config.mode ?? 'min' }, LR);
        return factor;
      });
      expect(new Set(factors).size).toBeGreaterThan(1);
      expect(difference(rates, factors)).toBeLessThan(1e-12);
    },
  );
});
