import { expect, it, vi } from 'vitest';
import { portableBackend, wasmBackend } from '../../../src/tensor/index.js';
import { agrees, checkedFeatures } from '../../../src/tensor/wasm/revectorizer-check.js';

type ViewedSession = ReturnType<typeof wasmBackend.open>;

const wasm = (): ViewedSession => wasmBackend.open({ threads: 1 });
/** A second session whose products are rounded before they are added, as a compiler that computes wrongly would differ. */
const differing = (): (() => ViewedSession) => {
  const sessions = [wasm(), portableBackend.open({ threads: 1 })];
  return () => {
    const next = sessions.shift();
    if (next === undefined) throw new Error('more sessions than a check needs');
    return next;
  };
};

it('sees that V8’s two compilers compute the same bits', () => {
  expect(agrees(wasm)).toBe(true);
});

it('sees results that differ in their last bits', () => {
  expect(agrees(differing())).toBe(false);
});

it('gives up 256-bit pairs with a warning where results differ', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  try {
    expect(checkedFeatures({ fma: true, wide: true }, differing(), () => undefined)).toEqual({
      fma: true,
      wide: false,
    });
    expect(warn.mock.calls[0]?.[0]).toContain('the revectorizer of V8');
  } finally {
    warn.mockRestore();
  }
});

it('checks nothing where pairs are not used', () => {
  const open = (): ViewedSession => {
    throw new Error('opened a session');
  };
  expect(checkedFeatures({ fma: true, wide: false }, open, () => undefined)).toEqual({ fma: true, wide: false });
});
