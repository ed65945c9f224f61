/**
 * What a schema cannot say about a mirrors file: names that lead nowhere, credentials at the wrong host, routes
 * that would work against each other. Every fault goes to the place it is in.
 */

import { isAbsolute, relative } from "node:path";
import { isIP } from "node:net";
import { parseAddress, parseOrigin, type Address } from "./address.ts";
import { DEFAULT_FLEET_CONFIG, WEBHOOK_PROVIDERS, type EgressScheme } from "./fleet-config.ts";
import type { MirrorsFile, WrittenCredential, WrittenMirror, WrittenSecret } from "./mirrors-schema.ts";
import { refPatternFault } from "./ref-patterns.ts";
import { secretReferenceFault } from "./secret-reference.ts";

type Keys = readonly (string | number)[];

/** Where an entry came from, since includes add to the main file's lists. */
export interface Located<T> {
  readonly value: T;
  readonly keys: Keys;
  readonly fault: (keys: Keys, message: string) => void;
}

/** The written parts that are checked, each with its place. */
export interface WrittenConfig {
  readonly main: Located<Partial<MirrorsFile>>;
  /** `undefined` for one whose own faults are known already. */
  readonly credentials: ReadonlyMap<string, Located<WrittenCredential> | undefined>;
  readonly mirrors: readonly Located<WrittenMirror>[];
  /** Parts that cannot be read: nothing is concluded from what they seem to lack. */
  readonly unread: ReadonlySet<string>;
}

/** Every fault is reported where it stands. */
export function checkMirrors(config: WrittenConfig): void {
  checkMain(config.main);
  for (const credential of config.credentials.values()) {
    if (credential !== undefined) checkCredential(credential);
  }
  const seen = new Set<string>();
  for (const mirror of config.mirrors) {
    if (seen.has(mirror.value.id)) mirror.fault([...mirror.keys, "id"], "names a second mirror");
    seen.add(mirror.value.id);
    checkMirror(mirror, config);
  }
}

/** A limit under a name that is no host's would hold nobody back. */
export function checkHosts(hosts: MirrorsFile["hosts"], fault: Located<unknown>["fault"]): void {
  for (const host of Object.keys(hosts ?? {})) {
    if (!HOST.test(host))
      fault(["hosts", host], "is not a host: write it like github.com or git.example.com:8443");
  }
}

const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/iu;

function checkMain({ value, fault }: WrittenConfig["main"]): void {
  for (const [index, { cidr }] of (value.egress?.allow ?? []).entries()) {
    if (!isCidr(cidr))
      fault(["egress", "allow", index, "cidr"], "is not a network like 10.0.0.0/8 or fd00::/8");
  }
  for (const [index, path] of (value.egress?.paths ?? []).entries()) {
    if (!isAbsolute(path)) fault(["egress", "paths", index], "is not an absolute path");
  }
  const proxy = value.egress?.proxy ?? undefined;
  if (proxy !== undefined) checkHttpUrl(proxy, (message) => fault(["egress", "proxy"], message));
  checkPatterns(value.defaults?.refs, (index, message) => fault(["defaults", "refs", index], message));
  const { webhook, heartbeat } = value.notify ?? {};
  if (webhook) {
    checkHttpUrl(webhook.url, (message) => fault(["notify", "webhook", "url"], message));
    checkSecret(webhook.secret, (message) => fault(["notify", "webhook", "secret"], message));
  }
  if (heartbeat) checkHttpUrl(heartbeat, (message) => fault(["notify", "heartbeat"], message));
  for (const [provider, { secrets }] of Object.entries(value.webhooks ?? {})) {
    if (!WEBHOOK_PROVIDERS.some((known) => known === provider)) {
      fault(["webhooks", provider], `is no provider; known: ${WEBHOOK_PROVIDERS.join(", ")}`);
    }
    for (const [index, secret] of secrets.entries()) {
      checkSecret(secret, (message) => fault(["webhooks", provider, "secrets", index], message));
    }
  }
}

function checkCredential({ value, keys, fault }: Located<WrittenCredential>): void {
  for (const [index, origin] of value.origins.entries()) {
    const parsed = parseOrigin(origin);
    const at = [...keys, "origins", index];
    if (typeof parsed === "string") fault(at, `${parsed}; write it like https://example.com`);
    else if (parsed.origin.startsWith("ssh://") !== (value.type === "ssh")) {
      fault(at, value.type === "ssh" ? "is not an ssh:// origin" : "is not an https:// origin");
    }
  }
  const secrets =
    value.type === "basic"
      ? { token: value.token }
      : value.type === "ssh"
        ? { privateKey: value.privateKey, knownHosts: value.knownHosts }
        : { privateKey: value.privateKey };
  for (const [name, secret] of Object.entries(secrets)) {
    checkSecret(secret, (message) => fault([...keys, name], message));
  }
}

function checkMirror(mirror: Located<WrittenMirror>, config: WrittenConfig): void {
  const { value, keys, fault } = mirror;
  checkPatterns(value.refs, (index, message) => fault([...keys, "refs", index], message));
  checkEndpoint(value.source, { ...mirror, keys: [...keys, "source"] }, config);
  const ids = new Set<string>();
  for (const [index, target] of value.targets.entries()) {
    const at = [...keys, "targets", index];
    if (ids.has(target.id)) fault([...at, "id"], "names a second target of this mirror");
    ids.add(target.id);
    checkPatterns(target.refs, (item, message) => fault([...at, "refs", item], message));
    checkEndpoint(target, { ...mirror, keys: at }, config);
  }
  for (const [index, secret] of (value.webhook?.secrets ?? []).entries()) {
    checkSecret(secret, (message) => fault([...keys, "webhook", "secrets", index], message));
  }
}

interface WrittenEndpoint {
  readonly url: string;
  readonly credential?: string;
}

type Place = Pick<Located<unknown>, "keys" | "fault">;

function checkEndpoint(endpoint: WrittenEndpoint, { keys, fault }: Place, config: WrittenConfig): void {
  const address = parseAddress(endpoint.url);
  if (typeof address === "string") return fault([...keys, "url"], address);
  const refused = config.unread.has("egress")
    ? undefined
    : refusedBy(config.main.value.egress ?? {}, endpoint.url, address);
  if (refused !== undefined) fault([...keys, "url"], refused);
  checkUse(endpoint.credential, address, { keys: [...keys, "credential"], fault }, config);
}

function refusedBy(
  egress: NonNullable<MirrorsFile["egress"]>,
  url: string,
  address: Address,
): string | undefined {
  const schemes: readonly EgressScheme[] = egress.schemes ?? DEFAULT_FLEET_CONFIG.egress.schemes;
  if (address.path !== undefined) {
    return isBelow(address.path, egress.paths ?? [])
      ? undefined
      : "is a local path outside of egress.paths: name a folder above it there";
  }
  if (address.scheme !== "other" && schemes.includes(address.scheme)) return undefined;
  const scheme = url.split(":", 1)[0] ?? "";
  return `needs the scheme ${scheme} in egress.schemes, which has ${schemes.join(", ")}`;
}

/** A credential is shown to its own origins only, so that a mistyped address gets no secret. */
function checkUse(
  name: string | undefined,
  address: Address,
  { keys, fault }: Place,
  config: WrittenConfig,
): void {
  if (name === undefined) {
    if (address.scheme === "ssh") {
      fault(keys, "is missing: ssh needs a credential of type ssh with its key and known hosts");
    }
    return;
  }
  const credential = config.credentials.get(name)?.value;
  if (credential === undefined) {
    if (config.credentials.has(name) || config.unread.has("credentials")) return;
    return fault(
      keys,
      `names no credential; there are ${[...config.credentials.keys()].join(", ") || "none"}`,
    );
  }
  if (address.origin === "") return fault(keys, "is not needed for a local path");
  const origins = credential.origins
    .map(parseOrigin)
    .map((parsed) => (typeof parsed === "string" ? "" : parsed.origin));
  if (!origins.includes(address.origin)) {
    fault(keys, `may be shown to ${origins.join(", ")} only, not to ${address.origin}`);
  }
}

function checkSecret(written: WrittenSecret, fault: (message: string) => void): void {
  const found = secretReferenceFault(written);
  if (found !== undefined) fault(found);
}

function checkPatterns(
  patterns: readonly string[] | undefined,
  fault: (index: number, message: string) => void,
): void {
  if (patterns === undefined) return;
  for (const [index, pattern] of patterns.entries()) {
    const found = refPatternFault(pattern);
    if (found !== undefined) fault(index, found);
  }
  if (patterns.every((pattern) => pattern.startsWith("^")))
    fault(0, "only takes refs out: name some to mirror");
}

function checkHttpUrl(url: string, fault: (message: string) => void): void {
  const address = parseAddress(url);
  if (typeof address === "string") fault(address);
  else if (address.scheme !== "https" && address.scheme !== "http")
    fault("is not an http:// or https:// address");
}

function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const way = relative(folder, path);
    return way === "" || (!way.startsWith("..") && !isAbsolute(way));
  });
}

function isCidr(text: string): boolean {
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  const version = isIP(match?.[1] ?? "");
  return version !== 0 && Number(match?.[2]) <= (version === 4 ? 32 : 128);
}
