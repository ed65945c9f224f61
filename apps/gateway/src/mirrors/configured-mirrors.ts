/** Finds the mirrors that a delivery is for, and the secrets that it may be signed with. */

import type { RouteDefinition } from "@gitsync/jobs";
import {
  configuredRoutes,
  type FleetConfig,
  type MirrorConfig,
  type SecretReference,
  type WebhookProvider,
} from "@gitsync/runtime";

/** A mirror with what its targets stand for. */
export interface ConfiguredMirror {
  readonly mirror: MirrorConfig;
  readonly routes: readonly RouteDefinition[];
}

/** One configuration, indexed once. */
export class ConfiguredMirrors {
  readonly #config: FleetConfig;
  readonly #byId: ReadonlyMap<string, ConfiguredMirror>;
  readonly #byRepository: ReadonlyMap<string | undefined, readonly ConfiguredMirror[]>;

  constructor(config: FleetConfig) {
    this.#config = config;
    const routes = Map.groupBy(configuredRoutes(config), ({ mirror }) => mirror);
    const all = config.mirrors.map((mirror) => ({
      mirror,
      routes: (routes.get(mirror.id) ?? []).map(({ definition }) => definition),
    }));
    this.#byId = new Map(all.map((each) => [each.mirror.id, each]));
    this.#byRepository = Map.groupBy(all, ({ mirror }) => mirror.source.repositoryId);
  }

  /** In order of their ids. */
  all(): readonly ConfiguredMirror[] {
    return [...this.#byId.values()];
  }

  find(id: string): ConfiguredMirror | undefined {
    return this.#byId.get(id);
  }

  /** Those of a repository of a forge; a mirror that says it belongs to another forge is none. */
  ofRepository(provider: WebhookProvider, repositoryId: string | undefined): readonly ConfiguredMirror[] {
    if (repositoryId === undefined) return [];
    return (this.#byRepository.get(repositoryId) ?? []).filter(
      ({ mirror }) => mirror.webhook === undefined || mirror.webhook.provider === provider,
    );
  }

  /**
   * Where the secrets are kept that a delivery may be signed with: the mirror's own, else the forge's. Nobody
   * learns from them whether a mirror exists.
   */
  secretsFor(provider: WebhookProvider, mirrorId: string | undefined): readonly SecretReference[] {
    const own = mirrorId === undefined ? undefined : this.find(mirrorId)?.mirror.webhook;
    if (own?.provider === provider) return own.secrets;
    return this.#config.webhooks.get(provider)?.secrets ?? [];
  }

  /** Whether anybody expects deliveries of a forge at all. */
  expects(provider: WebhookProvider): boolean {
    return (
      this.#config.webhooks.has(provider) ||
      this.#config.mirrors.some(({ webhook }) => webhook?.provider === provider)
    );
  }
}
