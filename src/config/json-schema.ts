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
      // Input objects refuse unknown keys just as the parse does.
      if (zodSchema._zod.def.type === 'object' && zodSchema._zod.def.catchall?._zod.def.type === 'never') {
        json.additionalProperties = false;
      }
      // The bounds of safe integers say nothing to a reader.
      if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
      if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
    },
  });
}
