/**
 * Environment variables in a config: `${env:NAME}` and `${env:NAME,default}` inside strings. A string that is nothing else is parsed
 * again as YAML, so that numbers and lists work; the values keep the location of the string.
 */
import { isList, isMapping, type MappingEntry, type TreeNode } from './tree.js';
import { showValue } from './expected.js';
import { readYaml } from './yaml-source.js';

const WHOLE = /^\$\{([^}]*)\}$/;
const VARIABLE = /^env:([A-Za-z_][A-Za-z0-9_]*)(?:,(.*))?$/s;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  readonly root: TreeNode;
  /** The strings that could not be interpolated, with the reason. They stay in the tree unchanged. */
  readonly failures: ReadonlyMap<TreeNode, string>;
}

/** `root` with all interpolations filled in from `env`. */
export function interpolate(root: TreeNode, env: Environment): Interpolated {
  const failures = new Map<TreeNode, string>();

  const lookUp = (expression: string): string => {
    const match = VARIABLE.exec(expression.trim());
    if (match === null) {
      throw new InterpolationFault(
        `cannot interpolate "\${${expression}}"; write \${env:NAME} or \${env:NAME,default}`,
      );
    }
    const [, name, fallback] = match as unknown as [string, string, string | undefined];
    const found = env[name] ?? fallback?.trim();
    if (found === undefined) {
      throw new InterpolationFault(
        `the environment variable ${name} is not set; set it or write \${env:${name},default}`,
      );
    }
    return found;
  };

  const fill = (node: TreeNode, text: string): TreeNode => {
    const whole = WHOLE.exec(text);
    if (whole === null) return { ...node, value: replaceAll(text, lookUp), reference: text };
    const found = lookUp(whole[1]);
    const result = readYaml(found, node.place);
    if ('root' in result)
      return { ...result.root, place: node.place, ...(typeof result.root.value === 'string' && { reference: text }) };
    throw new InterpolationFault(
      `the value ${showValue(found)} of "${text}" is not valid YAML: ${result.faults[0].message}`,
    );
  };

  const visit = (node: TreeNode): TreeNode => {
    const { value } = node;
    if (isList(value)) return { ...node, value: value.map(visit) };
    if (isMapping(value)) {
      const filled = new Map<string, MappingEntry>();
      for (const [key, entry] of value) filled.set(key, { ...entry, node: visit(entry.node) });
      return { ...node, value: filled };
    }
    if (typeof value !== 'string' || !value.includes('${')) return node;
    try {
      return fill(node, value);
    } catch (error) {
      if (!(error instanceof InterpolationFault)) throw error;
      failures.set(node, error.message);
      return node;
    }
  };

  return { root: visit(root), failures };
}

/** `text` with each `${expression}` replaced. Not a regular expression, which would search for the end from every opening: quadratic. */
function replaceAll(text: string, lookUp: (expression: string) => string): string {
  let result = '';
  let done = 0;
  for (;;) {
    const start = text.indexOf('${', done);
    const end = start < 0 ? -1 : text.indexOf('}', start);
    if (end < 0) return result + text.slice(done);
    result += text.slice(done, start) + lookUp(text.slice(start + 2, end));
    done = end + 1;
  }
}

class InterpolationFault extends Error {}
