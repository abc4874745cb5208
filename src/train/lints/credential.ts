/** Secrets that were written into a config. */
import type { ConfigPath } from '../../nn/index.js';
import type { Finding, Lint } from './lint.js';

/** Tokens by the prefixes that their issuers gave them for being found, private keys, and passwords in addresses. */
const SECRETS: readonly RegExp[] = [
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  /\bgh[pousr]_[0-9A-Za-z]{36}/,
  /\bgithub_pat_\w{22}/,
  /\bglpat-[\w-]{20}/,
  /\bsk-[\w-]{20}/,
  /\bhf_[0-9A-Za-z]{30}/,
  /\bxox[abprs]-[\w-]{10}/,
  /\beyJ[\w-]{10,2000}\.eyJ[\w-]{10}/,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/,
  /:\/\/[^/\s:@]{1,200}:[^/\s:@]{1,200}@/,
];

export const credential: Lint = {
  description: 'a value that looks like a password or an access token',
  reason:
    'The config is copied into the run directory and into every checkpoint, which are shared more freely than a config. ' +
    'With ${env:NAME} the value stays in the environment, and only the reference is kept.',
  find: ({ config }) => secretsIn(config, []),
};

function secretsIn(value: unknown, path: ConfigPath): Finding[] {
  if (typeof value === 'string') {
    if (!SECRETS.some((secret) => secret.test(value))) return [];
    return [{ path, message: 'this looks like a credential', fix: 'take it from the environment: ${env:NAME}' }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    secretsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
