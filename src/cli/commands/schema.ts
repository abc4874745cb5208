/** `nn schema`: prints the JSON Schema of a config, for editors. */
import type { Register } from '../command.js';

export const registerSchema: Register = (program) => {
  program
    .command('schema')
    .description('print the JSON Schema of a config')
    .action(async () => {
      const { jsonSchema } = await import('../../config/index.js');
      const { experimentSchema } = await import('../../train/index.js');
      process.stdout.write(`${JSON.stringify(jsonSchema(experimentSchema), null, 2)}\n`);
    });
};
