import { readFileSync } from 'node:fs';

/** The version in package.json, which lies two folders up from the sources and from the compiled files alike. */
export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const known = typeof parsed === 'object' && parsed !== null && 'version' in parsed;
  return known ? String(parsed.version) : 'unknown';
}
