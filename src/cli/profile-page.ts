/** The page that `nn profile --html` writes: one file with the table of kernels and the threads' timeline, without scripts. */
import type { StepProfile } from '../train/index.js';
import { limitOf, percent, shareOfLimit, speedOf } from './profile-figures.js';

const WIDTH = 1200;
const LANE = 36;
const MARGIN = 70;

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

/** A self-contained HTML page. */
export function profilePage(name: string, profile: StepProfile): string {
  const { batchSize, kernels, layers, phases, steps } = profile;
  const colours = new Map(layers.map(({ layer }, i) => [layer, `hsl(${Math.round((i * 137.5) % 360)} 55% 60%)`]));
  const cells = (values: readonly string[]): string => values.map((v) => `<td>${escapeHtml(v)}</td>`).join('');
  const rows = [...kernels]
    .sort((a, b) => b.milliseconds - a.milliseconds)
    .map((kernel) => {
      const { share, milliseconds, layer, task, shape, fused } = kernel;
      const figures = [percent(share), milliseconds.toFixed(3), speedOf(kernel), shareOfLimit(kernel, profile)];
      return `<tr>${cells([...figures, layer, task, `[${shape.join(', ')}]`, fused.join(' ')])}</tr>`;
    });
  const legend = layers.map(
    ({ layer, milliseconds, share }) =>
      `<tr><td style="background:${colours.get(layer)}"></td>${cells([percent(share), milliseconds.toFixed(3), layer])}</tr>`,
  );
  const whole = steps
    .map(({ threads, milliseconds }) => `${threads} threads: ${milliseconds.toFixed(3)} ms`)
    .join(', ');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(name)}: a training step</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 24px; color: #222; }
table { border-collapse: collapse; margin: 8px 0 24px; }
td, th { padding: 2px 10px; text-align: left; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }
.kernels td:nth-child(-n+4) { text-align: right; white-space: nowrap; }
.layers td:first-child { width: 16px; }
svg { max-width: 100%; height: auto; }
</style></head><body>
<h1>${escapeHtml(name)}: a training step of ${batchSize} samples</h1>
<p>Median of a whole step: ${whole}. ${kernels.length} kernels in ${phases.total} phases, ${phases.shared} of them parallel.
The ${limitOf(profile)}.</p>
<h2>Threads</h2>
<p>One step as measured, task by task. The driver that takes the time stamps is slower than that of training by some microseconds
a phase, so gaps are a little too wide. Point at a bar for its kernel.</p>
${timeline(profile, colours)}
<h2>Layers</h2>
<table class="layers"><tr><th></th><th>share</th><th>ms</th><th>layer</th></tr>
${legend.join('\n')}
</table>
<h2>Kernels</h2>
<p>Each timed by itself on one thread.</p>
<table class="kernels"><tr><th>share</th><th>ms</th><th>speed</th><th>of limit</th><th>layer</th><th>kernel</th><th>shape</th><th>fused in</th></tr>
${rows.join('\n')}
</table>
</body></html>
`;
}

/** One lane per thread, one bar per task. */
function timeline({ timeline: spans, kernels }: StepProfile, colours: ReadonlyMap<string, string>): string {
  const end = spans.reduce((most, span) => Math.max(most, span.end), 0);
  const threads = 1 + spans.reduce((most, { thread }) => Math.max(most, thread), 0);
  const x = (time: number): string => (MARGIN + ((WIDTH - MARGIN) * time) / end).toFixed(2);
  const bars = spans.map(({ kernel, thread, start, end: stop }) => {
    const { layer, task } = kernels[kernel];
    const title = escapeHtml(`${layer}: ${task}, ${((stop - start) * 1000).toFixed(1)} µs at ${start.toFixed(3)} ms`);
    const width = Math.max(0.3, Number(x(stop)) - Number(x(start)) - 0.2).toFixed(2);
    return `<rect x="${x(start)}" y="${thread * LANE + 4}" width="${width}" height="${LANE - 8}" fill="${colours.get(layer)}"><title>${title}</title></rect>`;
  });
  const lanes = Array.from({ length: threads }, (_, t) => `<text x="0" y="${t * LANE + 23}">thread ${t}</text>`);
  const bottom = threads * LANE + 18;
  const ticks = Array.from({ length: 11 }, (_, i) => (end * i) / 10).map(
    (time) => `<text x="${x(time)}" y="${bottom}" text-anchor="${time === end ? 'end' : 'middle'}" font-size="11">${time.toFixed(3)} ms</text>`,
  ); // prettier-ignore
  return `<svg viewBox="0 0 ${WIDTH} ${bottom + 6}" width="${WIDTH}" font-size="13">
${[...lanes, ...bars, ...ticks].join('\n')}
</svg>`;
}
