/**
 * The schema of a component: something chosen by name from a registry, written `name` or `{name: {params}}` and parsed to
 * `{type: name, ...params}`. Layers, losses, optimizers and all other exchangeable parts are components; this file knows none of
 * them. In paths the name is transparent: `optimizer.lr`, whatever the optimizer.
 */
import * as z from 'zod';
import { processSchema, type JSONSchema, type ProcessParams, type ToJSONSchemaContext } from 'zod/v4/core';

/** What the config needs to know about a component. Registry entries may hold more, such as the function that builds it. */
export interface ComponentEntry {
  /** The parameters. Unknown keys are refused even if the object is not declared strict; nested objects must be. */
  readonly schema: z.ZodObject;
  /** One line for the reference docs and the editor. */
  readonly description: string;
}
export type ComponentRegistry = Readonly<Record<string, ComponentEntry>>;

type Flat<T> = { [K in keyof T]: T[K] };
/** An object without parameters is a record of nevers to zod, and would make `type` never. */
type Params<T> = { [K in keyof T as string extends K ? never : K]: T[K] };
/** The parsed components of a registry: a union told apart by `type`. */
export type ComponentConfig<R extends ComponentRegistry> = {
  [K in keyof R & string]: Flat<{ type: K } & Params<z.output<R[K]['schema']>>>;
}[keyof R & string];
/** The input form of a registry's components. */
export type ComponentInput<R extends ComponentRegistry> =
  (keyof R & string) | { [K in keyof R & string]: { [P in K]: z.input<R[K]['schema']> | null } }[keyof R & string];

interface ComponentDef extends z.core.$ZodTypeDef {
  readonly type: 'custom';
  /** The registry with strict parameter schemas, made when first needed: layers may contain layers. */
  readonly entries: () => ReadonlyMap<string, ComponentEntry>;
}
interface ComponentInternals<Output, Input> extends z.core.$ZodTypeInternals<Output, Input> {
  def: ComponentDef;
}
/** The zod schema of a component. */
export interface ZodComponent<Output = unknown, Input = unknown> extends z.ZodType<
  Output,
  Input,
  ComponentInternals<Output, Input>
> {
  readonly def: ComponentDef;
}

/** Splits the input into name and parameters, or says what is wrong with it. */
function split(
  input: unknown,
  names: ReadonlyMap<string, unknown>,
): { name: string; params: unknown } | string | undefined {
  if (typeof input === 'string') return { name: input, params: undefined };
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined;
  const keys = Object.keys(input);
  if (keys.length === 1) return { name: keys[0], params: (input as Record<string, unknown>)[keys[0]] ?? undefined };
  if (keys.length === 0) return undefined;
  const [known, others] = [keys.filter((key) => names.has(key)), keys.filter((key) => !names.has(key))];
  const given = keys.map((key) => `"${key}"`).join(', ');
  // `- dense:` with `units: 10` on the next line at the same depth: the most common mistake.
  return known.length === 1
    ? `the parameters of "${known[0]}" belong below it: indent ${others.map((key) => `"${key}"`).join(', ')} further`
    : `a component is one name with its parameters, got the keys ${given}`;
}

const writtenAlone = (entry: ComponentEntry): boolean => entry.schema.safeParse({}).success;

const exampleOf = (entry: ComponentEntry): string => {
  const [first] = Object.keys(entry.schema.shape);
  return first === undefined ? '' : `${first}: ...`;
};

/** JSON Schema: for each name the short form (if no parameter is required) and the long one. */
function describeAsJson(
  inst: ZodComponent,
  ctx: ToJSONSchemaContext,
  json: JSONSchema.BaseSchema,
  at: ProcessParams,
): void {
  const options: JSONSchema.BaseSchema[] = [];
  for (const [name, { schema, description }] of inst._zod.def.entries()) {
    const alone = writtenAlone({ schema, description });
    if (alone) options.push({ const: name, description });
    const path = [...at.path, 'anyOf', options.length, 'properties', name];
    const params = processSchema(schema, ctx, { ...at, path });
    const properties = { [name]: alone ? { anyOf: [params, { type: 'null' as const }] } : params };
    options.push({ type: 'object', description, properties, required: [name], additionalProperties: false });
  }
  json.anyOf = options;
}

/** Named with its type because `init` is an assertion, which TypeScript allows only then. */
const BaseType: z.core.$constructor<z.ZodType> = z.ZodType;

const ZodComponent: z.core.$constructor<ZodComponent> = z.core.$constructor('ZodComponent', (inst, def) => {
  BaseType.init(inst, def);
  inst._zod.parse = (payload, ctx) => {
    const input: unknown = payload.value;
    const entries = def.entries();
    const parts = split(input, entries);
    if (parts === undefined) {
      payload.issues.push({ code: 'invalid_type', expected: 'component', input, inst });
      return payload;
    }
    if (typeof parts === 'string') {
      payload.issues.push({ code: 'custom', message: parts, input, inst });
      return payload;
    }
    const { name, params } = parts;
    const entry = entries.get(name);
    if (entry === undefined) {
      payload.issues.push({ code: 'invalid_value', values: [...entries.keys()], input: name, inst });
      return payload;
    }
    if (params !== undefined && (typeof params !== 'object' || Array.isArray(params))) {
      const message = `the parameters of "${name}" are a mapping, such as {${name}: {${exampleOf(entry)}}}`;
      payload.issues.push({ code: 'custom', message, input, inst });
      return payload;
    }
    const finish = (result: z.core.ParsePayload): z.core.ParsePayload => {
      payload.issues.push(...result.issues);
      // Even beside an unknown key, so that checks of the whole config can still use the component.
      payload.value = { type: name, ...(result.value as object) };
      return payload;
    };
    const result = entry.schema._zod.run({ value: params ?? {}, issues: [] }, ctx);
    return result instanceof Promise ? result.then(finish) : finish(result);
  };
  inst._zod.processJSONSchema = (ctx, json, params) => describeAsJson(inst, ctx, json, params);
});

/** Whether `schema` was made by `component`. */
export const isComponent = (schema: z.core.$ZodType): schema is ZodComponent => schema instanceof ZodComponent;

/**
 * A schema for one of the components in `registry`, or in what `registry()` returns when it is first needed (for components that
 * contain components). Give a default with `.prefault('name')`, which is parsed like what a user writes.
 */
export function component<const R extends ComponentRegistry>(
  registry: R | (() => R),
): ZodComponent<ComponentConfig<R>, ComponentInput<R>> {
  let strict: ReadonlyMap<string, ComponentEntry> | undefined;
  const entries = (): ReadonlyMap<string, ComponentEntry> => {
    strict ??= new Map(
      Object.entries(typeof registry === 'function' ? registry() : registry).map(([name, { schema, description }]) => {
        if (Object.hasOwn(schema.shape, 'type'))
          throw new TypeError(`component "${name}" cannot have a parameter "type"`);
        return [name, { schema: schema.strict(), description }];
      }),
    );
    return strict;
  };
  return new ZodComponent({ type: 'custom', entries }) as ZodComponent<ComponentConfig<R>, ComponentInput<R>>;
}
