/**
 * The published JSON Schema: what editors complete and check while a config is being written. It is derived from the zod schema,
 * components included, and describes what users write (defaults are optional), not what it is parsed to.
 */
import * as z from 'zod';

/**
 * JSON Schema (draft 7, which all YAML editors know) of what `schema` reads. Schemas that occur several times, or in themselves,
 * become `definitions`; written out each time they would be a megabyte.
 */
export function jsonSchema(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-07',
    cycles: 'ref',
    reused: 'ref',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: json }) => {
      const { def } = zodSchema._zod;
      // Input objects refuse unknown keys just as the parse does: said where their properties stand, not beside a mere reference.
      if (json.properties !== undefined && def.type === 'object' && def.catchall?._zod.def.type === 'never') {
        json.additionalProperties = false;
      }
      // The bounds of safe integers say nothing to a reader.
      if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
      if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
      // A refined reference bounds what its type is said elsewhere of; validators in strict mode want it said beside the bound too.
      json.type ??= boundedType(json);
      if (json.type === undefined) delete json.type;
    },
  });
}

const numberBounds = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'];

/** What the bounds of a node bound: undefined where it has none. */
function boundedType(json: z.core.JSONSchema.BaseSchema): 'array' | 'number' | undefined {
  if ('minItems' in json || 'maxItems' in json) return 'array';
  return numberBounds.some((key) => key in json) ? 'number' : undefined;
}
