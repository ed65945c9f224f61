/**
 * The one description of a mirrors file: what validates it, what its types follow from, what editors complete
 * with, and what the reference in the docs is printed from.
 */

import { frozen, type FromSchema } from "@gitsync/engine/schema";
import { credentialsSchema, secretReferenceSchema } from "./credentials-schema.ts";
import { EGRESS_SCHEMES, WEBHOOK_PROVIDERS } from "./fleet-config.ts";

const MAX_LIST = 100_000;

const name = {
  type: "string",
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
  description: "letters, digits, dots, dashes and underscores",
  examples: ["docs", "team.docs_2"],
} as const;
const url = { type: "string", minLength: 1, maxLength: 8_192 } as const;
const duration = {
  type: "string",
  pattern: "^[1-9][0-9]{0,8}(s|m|h|d)$",
  examples: ["90s", "15m", "6h", "1d"],
} as const;
const limit = (what: string) =>
  ({ type: "integer", minimum: 1, maximum: 100_000, description: what }) as const;

const rules = {
  every: {
    anyOf: [{ type: "string", enum: ["auto"] }, duration],
    default: "15m",
    description:
      "time between two looks at a route that nobody hinted; auto: half the time since the last change, 1m to 8h",
  },
  mode: {
    type: "string",
    enum: ["sync", "replicate"],
    default: "replicate",
    description: "sync moves refs forward only; replicate makes them equal whatever the target had",
  },
  refs: {
    type: "array",
    minItems: 1,
    maxItems: 10_000,
    items: { type: "string", minLength: 1, maxLength: 4_096 },
    default: ["refs/heads/*", "refs/tags/*"],
    description: "refspec patterns; ^pattern takes refs out again, source:target maps",
  },
  prune: { type: "boolean", default: false, description: "delete managed target refs that the source lacks" },
  maxDeletes: {
    type: "object",
    title: "How much a run may delete before it is blocked",
    properties: {
      count: { type: "integer", minimum: 0, default: 10, description: "refs" },
      percent: {
        type: "number",
        minimum: 0,
        maximum: 100,
        default: 5,
        description: "share of the managed refs of the target",
      },
    },
    additionalProperties: false,
    description: "a run is blocked when it would exceed both",
  },
  verify: {
    type: "string",
    enum: ["report", "list"],
    default: "list",
    description: "list the target once more after a push, or believe its report",
  },
  destructive: {
    type: "string",
    enum: ["allow", "archive", "block"],
    default: "allow",
    description:
      "before a forced update or a delete: go on, keep the old tip in refs/gitsync/archive, or refuse",
  },
  keepArchivesDays: {
    type: "integer",
    minimum: 1,
    maximum: 36_500,
    default: 90,
    description: "how long destructive: archive keeps old tips",
  },
} as const;

const endpoint = {
  url: {
    ...url,
    description: "https://, http://, ssh://, git@host:path, git://, file:// or an absolute path",
  },
  credential: { ...name, description: "a name under credentials", examples: ["bot"] },
  followInfoRefsRedirect: {
    type: "boolean",
    default: false,
    description: "send later requests to where the first listing was redirected",
  },
} as const;

const target = {
  type: "object",
  title: "A repository that is kept equal to the source",
  properties: { id: { ...name, description: "the route's id is MIRROR/TARGET" }, ...endpoint, ...rules },
  required: ["id", "url"],
  additionalProperties: false,
} as const;

const secrets = {
  type: "array",
  minItems: 1,
  maxItems: 10,
  items: secretReferenceSchema,
  description: "what deliveries are signed with; several while one is rotated",
} as const;

const mirror = {
  type: "object",
  title: "One source and its targets",
  properties: {
    id: name,
    tenant: { ...name, description: "whose work it is, for fairness; default: the mirror's id" },
    public: { type: "boolean", default: false, description: "whether its badge is shown without a token" },
    source: {
      type: "object",
      title: "The repository that is copied",
      properties: {
        ...endpoint,
        repositoryId: {
          type: "string",
          minLength: 1,
          maxLength: 256,
          description: "the forge's own id of the repository, by which its webhooks are told apart",
        },
      },
      required: ["url"],
      additionalProperties: false,
    },
    targets: {
      type: "array",
      minItems: 1,
      maxItems: 1_000,
      items: target,
      description: "the repositories that are kept equal to the source",
    },
    ...rules,
    webhook: {
      type: "object",
      title: "Deliveries to this mirror's own address",
      properties: {
        provider: { type: "string", enum: WEBHOOK_PROVIDERS, description: "whose deliveries they are" },
        secrets,
      },
      required: ["provider", "secrets"],
      additionalProperties: false,
    },
  },
  required: ["id", "source", "targets"],
  additionalProperties: false,
} as const;

const nothing = { type: "null" } as const;

const egress = {
  type: "object",
  title: "Where worker and gateway may connect to, besides public addresses",
  properties: {
    allow: {
      type: "array",
      maxItems: 1_000,
      items: {
        type: "object",
        properties: {
          cidr: {
            type: "string",
            minLength: 1,
            description: "10.0.0.0/8, fd00::/8",
            examples: ["10.0.0.0/8", "fd00::/8"],
          },
          ports: {
            type: "array",
            minItems: 1,
            maxItems: 1_000,
            items: { type: "integer", minimum: 1, maximum: 65_535 },
            description: "leave it out for every port",
          },
        },
        required: ["cidr"],
        additionalProperties: false,
      },
      default: [],
      description: "networks that may be reached although their addresses are not public",
    },
    schemes: {
      type: "array",
      maxItems: 10,
      items: { type: "string", enum: EGRESS_SCHEMES },
      default: ["https", "ssh"],
      description: "how repositories may be reached",
    },
    paths: {
      type: "array",
      maxItems: 1_000,
      items: { type: "string", minLength: 1 },
      default: [],
      description: "absolute folders below which local repositories may be read and written",
    },
    proxy: { anyOf: [url, nothing], default: null, description: "an HTTP proxy for all of HTTP" },
    caFile: {
      anyOf: [{ type: "string", minLength: 1 }, nothing],
      default: null,
      description: "PEM file of certificate authorities trusted besides the built-in ones",
    },
  },
  additionalProperties: false,
} as const;

const hosts = {
  type: "object",
  title: "Limits of a host in either role, by host name",
  additionalProperties: {
    type: "object",
    properties: {
      maxConcurrent: limit("runs that read from it or write to it at the same time, fleet-wide"),
      pushesPerMinute: limit("receive-pack requests per minute and target repository"),
    },
    additionalProperties: false,
  },
} as const;

const mirrors = {
  type: "array",
  maxItems: MAX_LIST,
  items: mirror,
  description: "what is copied where",
} as const;

/** A whole mirrors file. */
export const mirrorsFileSchema = frozen({
  type: "object",
  title: "What git-sync mirrors, and under which limits",
  properties: {
    version: { type: "integer", description: "1" },
    include: {
      type: "array",
      maxItems: 1_000,
      items: { type: "string", minLength: 1 },
      description:
        "more files, as paths or patterns beside this one; they hold version, credentials, hosts and mirrors",
      examples: [["mirrors.d/*.yaml"]],
    },
    credentials: credentialsSchema,
    egress,
    hosts,
    defaults: {
      type: "object",
      title: "Rules of every mirror that has none of its own",
      properties: rules,
      additionalProperties: false,
    },
    notify: {
      type: "object",
      title: "Who is told when a route's state changes",
      properties: {
        webhook: {
          anyOf: [
            {
              type: "object",
              properties: {
                url: { ...url, description: "where notifications are posted to" },
                secret: { ...secretReferenceSchema, description: "what they are signed with" },
              },
              required: ["url", "secret"],
              additionalProperties: false,
            },
            nothing,
          ],
          default: null,
          description: "address and signing secret of an endpoint that takes Standard Webhooks",
        },
        digest: {
          type: "string",
          enum: ["daily", "never"],
          default: "never",
          description: "how often what stays failing is told again",
        },
        heartbeat: {
          anyOf: [url, nothing],
          default: null,
          description: "address that is asked every minute while the fleet works",
        },
      },
      additionalProperties: false,
    },
    webhooks: {
      type: "object",
      title: "Secrets of each forge's deliveries, by provider",
      additionalProperties: {
        type: "object",
        properties: { secrets },
        required: ["secrets"],
        additionalProperties: false,
      },
    },
    adhoc: {
      type: "boolean",
      default: false,
      description: "whether the API may start syncs of endpoints that are not in this file",
    },
    traceUrlTemplate: {
      anyOf: [{ type: "string", pattern: "\\{traceId\\}" }, nothing],
      default: null,
      description: "where a trace is shown; {traceId} stands for its id",
    },
    mirrors,
  },
  required: ["version"],
  additionalProperties: false,
});

/** A file that another one includes. */
export const includedFileSchema = frozen({
  type: "object",
  title: "Mirrors, and what they need, for a mirrors file to include",
  properties: {
    version: { type: "integer", description: "1" },
    credentials: credentialsSchema,
    hosts,
    mirrors,
  },
  required: ["version"],
  additionalProperties: false,
});

/** A mirrors file as it is written. */
export type MirrorsFile = FromSchema<typeof mirrorsFileSchema>;
export type WrittenMirror = FromSchema<typeof mirror>;
export type WrittenTarget = FromSchema<typeof target>;
export type WrittenCredential = NonNullable<MirrorsFile["credentials"]>[string];
export type WrittenSecret = FromSchema<typeof secretReferenceSchema>;
export type WrittenRules = NonNullable<MirrorsFile["defaults"]>;
