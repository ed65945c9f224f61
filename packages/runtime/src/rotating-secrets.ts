/** Keeps the registry of live secrets in step with secrets that change while a process runs. */

import type { SecretRegistry } from "./secret-registry.ts";
import { Secret } from "./secret.ts";

interface Generations {
  readonly current: string;
  /** What a run that began before the rotation may still send, and what its errors may still quote. */
  readonly previous: string | undefined;
}

/** Each named secret's newest value and the one before it are scrubbed from every text; older ones are forgotten. */
export class RotatingSecrets {
  readonly #registry: SecretRegistry;
  readonly #byName = new Map<string, Generations>();

  constructor(registry: SecretRegistry) {
    this.#registry = registry;
  }

  /** The value as a secret, known to the registry from now on. `name` is whatever tells it from the others. */
  keep(name: string, value: string, username?: string): Secret {
    this.#registry.add(value, username);
    const known = this.#byName.get(name);
    if (known?.current === value) return new Secret(value);
    this.#byName.set(name, { current: value, previous: known?.current });
    const forgotten = known?.previous;
    if (forgotten !== undefined && !this.#isLive(forgotten)) this.#registry.delete(forgotten);
    return new Secret(value);
  }

  #isLive(value: string): boolean {
    return this.#byName.values().some(({ current, previous }) => current === value || previous === value);
  }
}
