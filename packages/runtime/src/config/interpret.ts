/** From a mirrors file as it is written to what it settles. Pure; the files have passed schema and checks. */

import { createHash } from "node:crypto";
import { parseOrigin } from "./address.ts";
import { durationMs } from "./duration.ts";
import {
  DEFAULT_FLEET_CONFIG,
  DEFAULT_ROUTE_RULES,
  WEBHOOK_PROVIDERS,
  type CredentialConfig,
  type EgressConfig,
  type FleetConfig,
  type HostLimits,
  type MirrorConfig,
  type NotifyConfig,
  type RouteRules,
  type SecretReference,
  type TargetConfig,
  type WebhookConfig,
} from "./fleet-config.ts";
import type {
  MirrorsFile,
  WrittenCredential,
  WrittenMirror,
  WrittenRules,
  WrittenSecret,
  WrittenTarget,
} from "./mirrors-schema.ts";
import { secretReference } from "./secret-reference.ts";

/** The includes' entries have been put into the file's own. */
export function interpretMirrorsFile(file: MirrorsFile): FleetConfig {
  const defaults = layRules(DEFAULT_ROUTE_RULES, file.defaults ?? {});
  const settled: Omit<FleetConfig, "hash"> = {
    egress: egressOf(file.egress ?? {}),
    credentials: new Map(
      Object.entries(file.credentials ?? {}).map(([id, written]) => [id, credentialOf(id, written)]),
    ),
    hosts: new Map(
      Object.entries(file.hosts ?? {}).map(([host, written]): [string, HostLimits] => [
        host.toLowerCase(),
        { maxConcurrent: written.maxConcurrent, pushesPerMinute: written.pushesPerMinute },
      ]),
    ),
    notify: notifyOf(file.notify ?? {}),
    webhooks: new Map(
      WEBHOOK_PROVIDERS.flatMap((provider) => {
        const written = file.webhooks?.[provider];
        return written === undefined ? [] : [[provider, { secrets: secretsOf(written.secrets) }] as const];
      }),
    ),
    adhoc: file.adhoc ?? DEFAULT_FLEET_CONFIG.adhoc,
    traceUrlTemplate: file.traceUrlTemplate ?? null,
    mirrors: (file.mirrors ?? [])
      .map((written) => mirrorOf(written, defaults))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
  return { ...settled, hash: digestOf(settled) };
}

function egressOf(written: NonNullable<MirrorsFile["egress"]>): EgressConfig {
  const defaults = DEFAULT_FLEET_CONFIG.egress;
  return {
    allow: (written.allow ?? []).map(({ cidr, ports }) => ({ cidr, ports })),
    schemes: written.schemes ?? defaults.schemes,
    paths: written.paths ?? defaults.paths,
    proxy: written.proxy ?? null,
    caFile: written.caFile ?? null,
  };
}

function credentialOf(id: string, written: WrittenCredential): CredentialConfig {
  const origins = atLeastOne(written.origins.map(normalOrigin));
  switch (written.type) {
    case "basic":
      return {
        id,
        type: "basic",
        origins,
        username: written.username ?? "git",
        token: secretReference(written.token),
      };
    case "github-app":
      return {
        id,
        type: "github-app",
        origins,
        appId: written.appId,
        installationId: written.installationId,
        privateKey: secretReference(written.privateKey),
        apiUrl: written.apiUrl ?? githubApiOf(origins[0]),
      };
    case "ssh":
      return {
        id,
        type: "ssh",
        origins,
        privateKey: secretReference(written.privateKey),
        knownHosts: secretReference(written.knownHosts),
      };
  }
}

/** GitHub itself answers at a host of its own, an Enterprise Server below its own address. */
function githubApiOf(origin: string): string {
  return origin === "https://github.com" ? "https://api.github.com" : `${origin}/api/v3`;
}

function notifyOf(written: NonNullable<MirrorsFile["notify"]>): NotifyConfig {
  const { webhook, digest, heartbeat } = written;
  return {
    webhook: webhook ? { url: webhook.url, secret: secretReference(webhook.secret) } : null,
    digest: digest ?? "never",
    heartbeat: heartbeat ?? null,
  };
}

function mirrorOf(written: WrittenMirror, defaults: RouteRules): MirrorConfig {
  const rules = layRules(defaults, written);
  const { source, webhook } = written;
  return {
    id: written.id,
    tenant: written.tenant ?? written.id,
    public: written.public ?? false,
    source: {
      url: source.url,
      credential: source.credential,
      followInfoRefsRedirect: source.followInfoRefsRedirect ?? false,
      repositoryId: source.repositoryId,
    },
    targets: atLeastOne(written.targets.map((target) => targetOf(target, rules))),
    webhook: webhook && { provider: webhook.provider, secrets: secretsOf(webhook.secrets) },
  };
}

function targetOf(written: WrittenTarget, rules: RouteRules): TargetConfig {
  return {
    id: written.id,
    url: written.url,
    credential: written.credential,
    followInfoRefsRedirect: written.followInfoRefsRedirect ?? false,
    rules: layRules(rules, written),
  };
}

/** What is written wins, the rest stays as it was. */
function layRules(under: RouteRules, written: WrittenRules): RouteRules {
  const { every, refs, maxDeletes } = written;
  return {
    every: every === undefined ? under.every : every === "auto" ? "auto" : durationMs(every),
    mode: written.mode ?? under.mode,
    refs: refs === undefined ? under.refs : atLeastOne(refs),
    prune: written.prune ?? under.prune,
    maxDeletes: {
      count: maxDeletes?.count ?? under.maxDeletes.count,
      percent: maxDeletes?.percent ?? under.maxDeletes.percent,
    },
    verify: written.verify ?? under.verify,
    destructive: written.destructive ?? under.destructive,
    keepArchivesDays: written.keepArchivesDays ?? under.keepArchivesDays,
  };
}

function secretsOf(written: readonly WrittenSecret[]): WebhookConfig["secrets"] {
  return atLeastOne<SecretReference>(written.map(secretReference));
}

function normalOrigin(text: string): string {
  const parsed = parseOrigin(text);
  if (typeof parsed === "string") throw new TypeError(`An origin ${parsed}`);
  return parsed.origin;
}

/** The schema asks for one entry at least. */
function atLeastOne<T>(list: readonly T[]): readonly [T, ...T[]] {
  const [first, ...rest] = list;
  if (first === undefined) throw new TypeError("A list that needs an entry is empty");
  return [first, ...rest];
}

/** Where two files differ in order or spelling only, their digests are equal. */
function digestOf(settled: Omit<FleetConfig, "hash">): string {
  const text = JSON.stringify(settled, (_, value: unknown) =>
    value instanceof Map ? [...value].toSorted(([a], [b]) => (a < b ? -1 : 1)) : value,
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
