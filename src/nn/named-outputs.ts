/** What layers can take by name: outputs of earlier layers of their row, then what the row's surroundings know. */
import { didYouMean } from '../config/index.js';
import { ShapeError } from '../tensor/index.js';
import type { Signal, Signals } from './signal.js';

export class NamedOutputs {
  private readonly own: Map<string, Signal>;

  /** `known` are there from the start, such as the inputs of a model; an inner name hides the same one outside. */
  constructor(
    known: Signals,
    private readonly outer?: NamedOutputs,
  ) {
    this.own = new Map(Object.entries(known));
  }

  define(name: string, output: Signal): void {
    this.own.set(name, output);
  }

  /** The output called `name`. Throws ShapeError with the names there are. */
  take(name: string): Signal {
    const found = this.find(name);
    if (found !== undefined) return found;
    const names = this.names();
    const hint = didYouMean(name, names);
    throw new ShapeError(
      `no layer before it is called "${name}"; ${hint === undefined ? '' : `${hint} `}there are ${names.join(', ')}`,
    );
  }

  private find(name: string): Signal | undefined {
    return this.own.get(name) ?? this.outer?.find(name);
  }

  private names(): string[] {
    return [...new Set([...this.own.keys(), ...(this.outer?.names() ?? [])])];
  }
}
