/** `nn list`: what a config can be made of, with the parameters of each part. */
import type { CatalogEntry, CatalogLint } from '../catalog.js';
import { addCommand, type CommonOptions, type Register } from '../command.js';
import { exitCode } from '../exit-code.js';
import { print, printJson } from '../output.js';

export const registerList: Register = (program, finish) => {
  const description = 'what a config can be made of: layers, losses, optimizers and so on, with their parameters';
  addCommand(program, 'list [kind] [name]', description, [])
    .action(async (kind: string | undefined, name: string | undefined, { json }: CommonOptions) => {
      const { value, lines } = await list(kind, name);
      if (json) printJson({ json }, value);
      else for (const line of lines) print({}, line);
      finish(exitCode.done);
    }); // prettier-ignore
};

/** Entries of `kind` (without one, what kinds there are), or the one called `name`: for programs, and for people. */
async function list(kind?: string, name?: string): Promise<{ value: unknown; lines: readonly string[] }> {
  const { catalogEntries, catalogLints, catalogNamed, catalogNames } = await import('../catalog.js');
  if (kind === undefined) {
    const kinds = catalogNames();
    const width = Math.max(...Object.keys(kinds).map((key) => key.length));
    return {
      value: kinds,
      lines: [
        ...Object.entries(kinds).map(([key, names]) => `${key.padEnd(width)}  ${names.join(', ')}`),
        'How figures compare with those of other tools: nn list conventions',
      ],
    };
  }
  if (kind === 'conventions') {
    const { conventions } = await import('../conventions.js');
    return {
      value: conventions,
      lines: conventions.flatMap(({ name, rule }, i) => [...(i === 0 ? [] : ['']), name, ...wrapped(rule)]),
    };
  }
  if (kind === 'lints') {
    const lints = catalogLints(name);
    return { value: lints, lines: lints.flatMap((lint, i) => [...(i === 0 ? [] : ['']), ...formatLint(lint)]) };
  }
  const entries =
    (name === undefined && !Object.hasOwn(catalogNames(), kind) ? catalogNamed(kind) : undefined) ??
    catalogEntries(kind, name);
  return { value: entries, lines: formatEntries(entries) };
}

/** What all entries of several take, such as the name of a layer, is said once, at the end. */
function formatEntries(entries: readonly CatalogEntry[]): string[] {
  const common = entries.length === 1 ? [] : entries[0].parameters.filter((parameter) => entries.every(({ parameters }) => parameters.some((other) => JSON.stringify(other) === JSON.stringify(parameter)))); // prettier-ignore
  const isCommon = new Set(common.map(({ name }) => name));
  const shown = entries.map((entry) => ({ ...entry, parameters: entry.parameters.filter(({ name }) => !isCommon.has(name)) })); // prettier-ignore
  const lines = shown.flatMap((entry, i) => [...(i === 0 ? [] : ['']), ...formatEntry(entry)]);
  return common.length === 0 ? lines : [...lines, '', 'all of them:', ...formatParameters(common)];
}

const formatLint = ({ name, description, reason }: CatalogLint): string[] => [`${name}: ${description}.`, ...wrapped(reason)]; // prettier-ignore

/** Lines of at most 100 characters, indented. */
const wrapped = (text: string): string[] => (text.match(/.{1,96}(?= |$)/g) ?? []).map((line) => `    ${line.trim()}`);

/** `a`, `a and b`, `a, b and c`. */
const listed = (names: readonly string[]): string => names.join(', ').replace(/, ([^,]*)$/, ' and $1');

function formatEntry({ name, description, tasks, parameters }: CatalogEntry): string[] {
  const head = `${name}: ${description}${tasks === undefined ? '' : ` For ${listed(tasks)}.`}`;
  return [head, ...formatParameters(parameters)];
}

function formatParameters(parameters: CatalogEntry['parameters']): string[] {
  const width = Math.max(0, ...parameters.map((parameter) => parameter.name.length));
  return parameters.map((parameter) => {
    const standing = parameter.required ? 'required' : 'default' in parameter ? `default ${JSON.stringify(parameter.default)}` : 'optional'; // prettier-ignore
    const meaning = parameter.description === '' ? '' : `: ${parameter.description}`;
    return `  ${parameter.name.padEnd(width)}  ${parameter.expects}, ${standing}${meaning}`;
  });
}
