/** The routes that a configuration stands for, and which of them would work against each other. */

import { targetKeyOf, type RouteDefinition, type TargetKey } from "@gitsync/jobs";
import { parseAddress } from "./address.ts";
import type { EndpointConfig, FleetConfig, MirrorConfig, TargetConfig } from "./fleet-config.ts";
import { localUrl } from "./local-url.ts";
import { commonRefs, managedRefs } from "./ref-patterns.ts";

/** A route of the configuration, with what the fleet has to know besides its definition. */
export interface ConfiguredRoute {
  readonly definition: RouteDefinition;
  readonly mirror: string;
  /** As `hosts:` names it; empty for a local repository. */
  readonly sourceHost: string;
  readonly targetHost: string;
}

/** In order of their ids. */
export function configuredRoutes(config: FleetConfig): readonly ConfiguredRoute[] {
  return config.mirrors
    .flatMap((mirror) => mirror.targets.map((target) => routeOf(mirror, target)))
    .toSorted((a, b) => (a.definition.id < b.definition.id ? -1 : 1));
}

/** Whether a webhook is set up that should tell when the source of a mirror changes. */
export function expectsDeliveries({ webhooks }: FleetConfig, { webhook, source }: MirrorConfig): boolean {
  return webhook !== undefined || (webhooks.size > 0 && source.repositoryId !== undefined);
}

/** Two routes, or one, that must not be in force together. */
export interface RouteConflict {
  /** The route to complain about. */
  readonly route: string;
  readonly message: string;
}

/** Routes that write the same refs of one repository, and targets that are copied back to their source. */
export function routeConflicts(routes: readonly ConfiguredRoute[]): readonly RouteConflict[] {
  return [...overlaps(routes), ...cycles(routes)];
}

function routeOf(mirror: MirrorConfig, target: TargetConfig): ConfiguredRoute {
  const { rules } = target;
  const { source } = mirror;
  const written = endpointOf(target);
  return {
    mirror: mirror.id,
    sourceHost: hostOf(source),
    targetHost: hostOf(target),
    definition: {
      id: `${mirror.id}/${target.id}`,
      source: endpointOf(source),
      target: written,
      scope: { includeRefs: rules.refs },
      policy: {
        mode: rules.mode,
        prune: rules.prune,
        bestEffort: true,
        maxDeletes: rules.maxDeletes,
        verify: rules.verify,
        destructive: rules.destructive,
        keepArchivesDays: rules.keepArchivesDays,
      },
      targetKey: targetKeyOf(written.url),
      tenant: mirror.tenant,
      every: rules.every,
      ...(source.credential !== undefined && { sourceCredential: source.credential }),
      ...(target.credential !== undefined && { targetCredential: target.credential }),
    },
  };
}

function endpointOf({ url, followInfoRefsRedirect }: EndpointConfig): RouteDefinition["source"] {
  const address = parseAddress(url);
  const local = typeof address === "string" ? undefined : address.path;
  return {
    url: local === undefined ? url : localUrl(local),
    ...(followInfoRefsRedirect && { followInfoRefsRedirect }),
  };
}

function hostOf({ url }: EndpointConfig): string {
  const address = parseAddress(url);
  return typeof address === "string" ? "" : address.host;
}

function overlaps(routes: readonly ConfiguredRoute[]): readonly RouteConflict[] {
  const byTarget = Map.groupBy(routes, ({ definition }) => definition.targetKey);
  return [...byTarget.values()].flatMap((group) =>
    group.flatMap((route, index) => {
      const other = group
        .slice(0, index)
        .map((before) => ({ before, common: commonOf(before, route) }))
        .find(({ common }) => common !== undefined);
      if (other === undefined) return [];
      const message = `writes ${other.common} of the same repository as ${other.before.definition.id}: give each its own refs`;
      return [{ route: route.definition.id, message }];
    }),
  );
}

function commonOf(a: ConfiguredRoute, b: ConfiguredRoute): string | undefined {
  const [one = [], other = []] = [a, b].map(({ definition }) => definition.scope.includeRefs);
  return commonRefs(managedRefs(one), managedRefs(other));
}

/** What a repository is copied to, and so on, must never be the repository again. */
function cycles(routes: readonly ConfiguredRoute[]): readonly RouteConflict[] {
  const from = Map.groupBy(routes, ({ definition }) => targetKeyOf(definition.source.url));
  const done = new Set<TargetKey>();
  const conflicts: RouteConflict[] = [];
  for (const start of from.keys()) {
    // An explicit stack: chains may be as long as the configuration.
    const stack: { readonly key: TargetKey; readonly next: ConfiguredRoute[] }[] = [];
    const enter = (key: TargetKey): void => {
      if (!done.has(key)) stack.push({ key, next: [...(from.get(key) ?? [])] });
    };
    enter(start);
    while (stack.length > 0) {
      const top = stack.at(-1);
      const route = top?.next.pop();
      if (top === undefined || route === undefined) {
        if (top !== undefined) done.add(top.key);
        stack.pop();
        continue;
      }
      const { id, targetKey } = route.definition;
      const at = stack.findIndex(({ key }) => key === targetKey);
      if (at === -1) enter(targetKey);
      else {
        const circle = [...stack.slice(at).map(({ key }) => key), targetKey].join(" → ");
        conflicts.push({ route: id, message: `closes a circle: ${circle}` });
      }
    }
  }
  return conflicts;
}
