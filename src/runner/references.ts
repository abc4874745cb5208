/** Texts that came from the environment, such as secrets: what a run leaves has `${env:NAME}` for them, and a digest. */
import { createHash } from 'node:crypto';
import { isAbsolute, resolve } from 'node:path';
import type { References } from '../config/index.js';

/** `value` with what came from the environment written as it was; file names in it are relative to `folder`. */
export function withReferences<T>(value: T, references: References, folder: string): T {
  if (references.size === 0) return value;
  const replace = (text: string): string => {
    for (const [known, reference] of references) {
      if (text === known || (isAbsolute(known) && resolve(folder, text) === known)) return reference;
      // A file name that has been moved along with the config.
      if (!isAbsolute(known) && text.endsWith(`/${known}`)) return text.slice(0, -known.length) + reference;
    }
    return text;
  };
  const visit = (part: unknown): unknown => {
    if (typeof part === 'string') return replace(part);
    if (Array.isArray(part)) return part.map(visit);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, visit(item)]));
  };
  return visit(value) as T;
}

/** The variables that references name, with a digest of what each is now. */
export function digestsOf(references: References): { variable: string; sha256: string }[] {
  const names = [...references.values()].flatMap((text) =>
    [...text.matchAll(/\$\{\s*env:(\w+)/g)].map(([, name]) => name),
  );
  return [...new Set(names)].map((variable) => {
    const sha256 = createHash('sha256')
      .update(process.env[variable] ?? '')
      .digest('hex');
    return { variable, sha256 };
  });
}
