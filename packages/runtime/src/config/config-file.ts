/** Reads `mirrors.yaml`: whole or not at all, every fault with its path and line. */

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { isAbsolute } from "node:path";
import { errorText, RuntimeError } from "../errors.ts";
import { DEFAULT_FLEET_CONFIG, EGRESS_SCHEMES } from "./fleet-config.ts";
import type { AllowedNetwork, EgressConfig, FleetConfig } from "./fleet-config.ts";
import { YamlReader } from "./yaml-reader.ts";
import type { YamlField } from "./yaml-reader.ts";

const MAX_BYTES = 4 * 1024 * 1024;

const ROOT_KEYS = ["version", "egress", "adhoc"] as const;

/** Keys of the documented format that this version does not act on: refused, never silently ignored. */
const LATER_KEYS = [
  "include",
  "credentials",
  "hosts",
  "defaults",
  "notify",
  "webhooks",
  "traceUrlTemplate",
  "mirrors",
] as const;

/**
 * Read and check a mirrors file.
 *
 * @throws {RuntimeError} `CONFIG_INVALID`; the message and `details.faults` list every fault as
 * `line N, path: what is wrong`.
 */
export async function loadConfig(path: string): Promise<FleetConfig> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw invalid(path, [`the file cannot be read (${errorText(error)})`]);
  });
  if (bytes.length > MAX_BYTES) throw invalid(path, [`the file is larger than ${MAX_BYTES} bytes`]);
  return parseConfig(bytes.toString("utf8"), path);
}

/** The same, from text; `path` is used in messages only. */
export function parseConfig(text: string, path: string): FleetConfig {
  const reader = new YamlReader(text);
  const config = readRoot(reader);
  if (reader.faults.length > 0) throw invalid(path, reader.faults);
  return config;
}

function readRoot(reader: YamlReader): FleetConfig {
  const isEmpty = reader.isNothing(reader.root);
  const root = isEmpty ? new Map<string, YamlField>() : reader.map(reader.root, ROOT_KEYS, LATER_KEYS);
  const version = root.get("version");
  if (version === undefined) reader.fault(reader.root, "version is missing: begin the file with version: 1");
  else if (version.value !== 1) reader.fault(version, "this version of git-sync reads version: 1 only");
  const adhoc = root.get("adhoc");
  return {
    ...DEFAULT_FLEET_CONFIG,
    egress: readEgress(reader, root.get("egress")),
    adhoc: adhoc === undefined ? DEFAULT_FLEET_CONFIG.adhoc : reader.boolean(adhoc),
  };
}

function readEgress(reader: YamlReader, field: YamlField | undefined): EgressConfig {
  const defaults = DEFAULT_FLEET_CONFIG.egress;
  if (field === undefined) return defaults;
  const egress = reader.map(field, ["allow", "schemes", "paths", "proxy", "caFile"]);
  const [schemes, paths] = [egress.get("schemes"), egress.get("paths")];
  for (const key of ["proxy", "caFile"]) {
    const unset = egress.get(key);
    if (unset !== undefined && !reader.isNothing(unset))
      reader.fault(unset, "not known in this version, except as null");
  }
  return {
    allow: reader.list(egress.get("allow")).flatMap((item) => readNetwork(reader, item)),
    schemes:
      schemes === undefined
        ? defaults.schemes
        : reader.list(schemes).flatMap((item) => reader.choice(item, EGRESS_SCHEMES)),
    paths:
      paths === undefined ? defaults.paths : reader.list(paths).flatMap((item) => readPath(reader, item)),
    proxy: null,
    caFile: null,
  };
}

function readNetwork(reader: YamlReader, item: YamlField): readonly AllowedNetwork[] {
  const network = reader.map(item, ["cidr", "ports"]);
  const [cidr, ports] = [network.get("cidr"), network.get("ports")];
  if (cidr === undefined) {
    reader.fault(item, "cidr is missing");
    return [];
  }
  const text = typeof cidr.value === "string" ? cidr.value : "";
  if (!isCidr(text)) {
    reader.fault(cidr, "is not a network like 10.0.0.0/8 or fd00::/8");
    return [];
  }
  return [{ cidr: text, ports: ports === undefined ? undefined : readPorts(reader, ports) }];
}

function readPorts(reader: YamlReader, field: YamlField): readonly number[] {
  const items = reader.list(field);
  if (reader.isEmptyList(field)) reader.fault(field, "is empty: leave it out for every port");
  return items.flatMap((item) => {
    const port = item.value;
    if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535) return [port];
    reader.fault(item, "is not a port from 1 to 65535");
    return [];
  });
}

function readPath(reader: YamlReader, item: YamlField): readonly string[] {
  if (typeof item.value === "string" && isAbsolute(item.value)) return [item.value];
  reader.fault(item, "is not an absolute path");
  return [];
}

function isCidr(text: string): boolean {
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  const version = isIP(match?.[1] ?? "");
  return version !== 0 && Number(match?.[2]) <= (version === 4 ? 32 : 128);
}

function invalid(path: string, faults: readonly string[]): RuntimeError {
  return new RuntimeError(
    "CONFIG_INVALID",
    `${path} cannot be used:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
    { file: path, faults },
  );
}
