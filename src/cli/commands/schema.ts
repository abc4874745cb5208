/** `nn schema`: prints the JSON Schema of a config, for editors. */
import { addCommand, type CommonOptions, type Register } from '../command.js';
import { exitCode } from '../exit-code.js';
import { print, printJson } from '../output.js';

export const registerSchema: Register = (program, finish) => {
  addCommand(program, 'schema', 'print the JSON Schema of a config', [])
    .action(async ({ json }: CommonOptions) => {
      const { jsonSchema } = await import('../../config/index.js');
      const { experimentSchema } = await import('../../train/index.js');
      const schema = jsonSchema(experimentSchema);
      if (json) printJson({ json }, schema);
      else print({}, JSON.stringify(schema, null, 2));
      finish(exitCode.done);
    }); // prettier-ignore
};
