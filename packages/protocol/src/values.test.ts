import fc from "fast-check";
import { describe, test } from "vitest";
import { CapabilityList } from "./capabilities.ts";
import * as api from "./index.ts";
import { advertisedRefs, capabilityList, objectFormat, objectId, refName } from "./testing/arbitraries.ts";
import * as fetching from "./testing/fetch-arbitraries.ts";
import * as pushing from "./testing/push-arbitraries.ts";

// What every printer and every equality keeps: a value equals its copy and nothing that differs from it anywhere, and
// its text names all of it and cannot drive a terminal.

interface Kind {
  readonly name: string;
  readonly values: fc.Arbitrary<unknown>;
  readonly equal: (left: never, right: never) => boolean;
  readonly format: (value: never) => string;
  /** Paths that mean nothing to equality, or nothing to the text. */
  readonly silent?: RegExp;
}

const inBoth = <Value>(make: (format: api.ObjectFormat) => fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  objectFormat.chain(make);

const advertisement = inBoth((format) =>
  fc.oneof(
    fc.record({
      version: fc.constantFrom(0, 1),
      objectFormat: fc.constant(format),
      capabilities: capabilityList(format),
      refs: advertisedRefs(format, true),
      shallow: fc.array(objectId(format), { maxLength: 2 }),
      alternateTips: fc.array(objectId(format), { maxLength: 2 }),
      invalidNames: fc.array(refName, { maxLength: 2 }),
    }),
    fc.record({
      version: fc.constant(2),
      objectFormat: fc.constant(format),
      capabilities: capabilityList(format),
    }),
  ),
);

const word = fc.stringMatching(/^[a-z]{1,9}$/);
const service = fc.constantFrom("git-upload-pack", "git-receive-pack", "git-upload-archive");
const daemonRequest = fc.record(
  {
    service,
    path: word.map((name) => `/${name}`),
    host: word,
    port: fc.integer({ min: 1, max: 65_535 }),
    extraParameters: fc.array(word, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: ["service", "path", "host"] },
);
const v2Command = inBoth((format) =>
  fc.record({ command: word, capabilities: capabilityList(format), args: fc.array(word, { maxLength: 3 }) }),
);
const lsRefsRequest = fc.record(
  {
    peel: fc.constant(true),
    symrefs: fc.constant(true),
    unborn: fc.constant(true),
    prefixes: fc.array(word, { maxLength: 3 }),
  },
  { requiredKeys: ["prefixes"] },
);
const lsRefsResult = inBoth((format) =>
  fc.record(
    {
      refs: advertisedRefs(format, true),
      unbornHead: refName,
      invalidNames: fc.array(refName, { maxLength: 2 }),
    },
    { requiredKeys: ["refs", "invalidNames"] },
  ),
);
const acknowledgments = inBoth((format) =>
  fc.record({
    acks: fc.array(
      fc.record({ oid: objectId(format), status: fc.constantFrom("common", "continue", "ready", "final") }),
      { maxLength: 3 },
    ),
    nak: fc.boolean(),
    ready: fc.boolean(),
  }),
);
const bundleEntries = fc.array(fc.record({ key: word, value: word }), { maxLength: 3 });

const kinds: readonly Kind[] = [
  {
    name: "Advertisement",
    values: advertisement,
    equal: api.equalAdvertisements,
    format: api.formatAdvertisement,
  },
  {
    name: "AdvertisedRef",
    values: inBoth((format) => advertisedRefs(format, true).filter((list) => list.length > 0)).map(
      (list) => list[0],
    ),
    equal: api.equalAdvertisedRefs,
    format: api.formatAdvertisedRef,
  },
  {
    name: "CapabilityList",
    values: inBoth(capabilityList),
    equal: api.equalCapabilities,
    format: api.formatCapabilities,
  },
  {
    name: "ShallowInfo",
    values: inBoth(fetching.shallowInfo),
    equal: api.equalShallowInfo,
    format: api.formatShallowInfo,
  },
  {
    name: "Acknowledgments",
    values: acknowledgments,
    equal: api.equalAcknowledgments,
    format: api.formatAcknowledgments,
  },
  {
    name: "NegotiationResult",
    values: inBoth(fetching.negotiationResult),
    equal: api.equalNegotiationResults,
    format: api.formatNegotiationResult,
  },
  {
    name: "SidebandPacket",
    values: fetching.sidebandPacket,
    equal: api.equalSidebandPackets,
    format: api.formatSidebandPacket,
    silent: /^\.data/,
  },
  {
    name: "ReportStatus",
    values: pushing.reportStatus,
    equal: api.equalReportStatuses,
    format: api.formatReportStatus,
  },
  {
    name: "UploadRequest",
    values: inBoth(fetching.uploadRequest),
    equal: api.equalUploadRequests,
    format: api.formatUploadRequest,
  },
  {
    name: "HaveRound",
    values: inBoth(fetching.haveRound),
    equal: api.equalHaveRounds,
    format: api.formatHaveRound,
  },
  {
    name: "HttpUploadRequest",
    values: inBoth(fetching.httpUploadRequest),
    equal: api.equalHttpUploadRequests,
    format: api.formatHttpUploadRequest,
  },
  {
    name: "FetchRequest",
    values: inBoth(fetching.fetchRequestV2),
    equal: api.equalFetchRequests,
    format: api.formatFetchRequest,
  },
  {
    name: "FetchResponse",
    values: inBoth(fetching.fetchResponseV2).map(({ response }) => response),
    equal: api.equalFetchResponses,
    format: api.formatFetchResponse,
  },
  {
    name: "FilterSpec",
    values: fetching.filterSpec,
    equal: api.equalFilterSpecs,
    format: api.formatFilterSpec,
  },
  {
    name: "RequestCommand",
    values: service,
    equal: api.equalRequestCommands,
    format: api.formatRequestCommand,
  },
  {
    name: "DaemonRequest",
    values: daemonRequest,
    equal: api.equalDaemonRequests,
    format: api.formatDaemonRequest,
  },
  {
    name: "SshCommand",
    values: fc.record({ service, path: word }),
    equal: api.equalSshCommands,
    format: api.formatSshCommand,
  },
  {
    name: "RefUpdateCommand",
    values: inBoth(pushing.commands).map((list) => list[0]),
    equal: api.equalRefUpdateCommands,
    format: api.formatRefUpdateCommand,
  },
  {
    name: "PushCertificate",
    values: inBoth((format) => pushing.pushCertificate(format)),
    equal: api.equalPushCertificates,
    format: api.formatPushCertificate,
    silent: /^\.signature/,
  },
  {
    name: "UpdateRequest",
    values: inBoth(pushing.updateRequest),
    equal: api.equalUpdateRequests,
    format: api.formatUpdateRequest,
    silent: /^\.(?:objectFormat|certificate\.signature|certificate\.push-?options|commands)/i,
  },
  { name: "V2Command", values: v2Command, equal: api.equalV2Commands, format: api.formatV2Command },
  {
    name: "LsRefsRequest",
    values: lsRefsRequest,
    equal: api.equalLsRefsRequests,
    format: api.formatLsRefsRequest,
  },
  {
    name: "LsRefsResult",
    values: lsRefsResult,
    equal: api.equalLsRefsResults,
    format: api.formatLsRefsResult,
  },
  {
    name: "ObjectInfoRequest",
    values: inBoth(fetching.objectInfoRequest),
    equal: api.equalObjectInfoRequests,
    format: api.formatObjectInfoRequest,
  },
  {
    name: "ObjectInfo",
    values: inBoth(fetching.objectInfo),
    equal: api.equalObjectInfos,
    format: api.formatObjectInfo,
    silent: /^\.size/,
  },
  {
    name: "BundleListEntry[]",
    values: bundleEntries,
    equal: api.equalBundleListEntries,
    format: api.formatBundleListEntries,
  },
  {
    name: "BundleList",
    values: fetching.bundleList,
    equal: api.equalBundleLists,
    format: api.formatBundleList,
  },
];

/** What says of which kind a value is: another kind has other fields. */
const TAGS: ReadonlySet<string> = new Set(["type", "version", "ok"]);

/** Every value that differs from `value` in one place, with the path to it. */
function* differing(value: unknown, path = ""): Generator<readonly [string, unknown]> {
  if (value instanceof CapabilityList) {
    for (const [inner, changed] of differing([...value.entries()], path)) {
      yield [inner, new CapabilityList(changed as api.Capability[])];
    }
  } else if (value instanceof Uint8Array) {
    yield [path, Uint8Array.of(...value, 0)];
    if (value.length > 0) yield [path, value.map((byte, index) => (index === 0 ? byte ^ 1 : byte))];
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      // Nothing combined is no filter.
      if (value.length > 1 || !path.endsWith(".filters")) yield [path, value.toSpliced(index, 1)];
      yield [path, value.toSpliced(index, 0, item)];
      for (const [inner, changed] of differing(item, path)) yield [inner, value.with(index, changed)];
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (TAGS.has(key)) continue;
      for (const [inner, changed] of differing(item, `${path}.${key}`))
        yield [inner, { ...value, [key]: changed }];
    }
  } else if (typeof value === "string") yield [path, `${value}x`];
  else if (typeof value === "number") yield [path, value === Number.MAX_SAFE_INTEGER ? value - 1 : value + 1];
  else if (typeof value === "bigint") yield [path, value + 1n];
  else if (typeof value === "boolean") yield [path, !value];
}

describe.for(kinds)("$name", ({ values, equal, format, silent }) => {
  // The table holds every type, so each row's own type is out of sight here.
  const same = (left: unknown, right: unknown): boolean => equal(left as never, right as never);
  const text = (value: unknown): string => format(value as never);

  test("equals its copy, and nothing that differs from it anywhere", ({ expect }) => {
    fc.assert(
      fc.property(fc.clone(values, 2), ([value, copy]) => {
        expect(same(value, copy)).toBe(true);
        for (const [path, changed] of differing(value)) {
          expect([path, same(value, changed), same(changed, value)]).toEqual([path, false, false]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("its text tells it apart, and cannot drive a terminal", ({ expect }) => {
    fc.assert(
      fc.property(values, (value) => {
        const shown = text(value);
        expect(shown).not.toMatch(/(?![\t\n])\p{Cc}/u);
        for (const [path, changed] of differing(value)) {
          // Long values are shown in part.
          if (silent?.test(path) !== true && shown.length < 1000)
            expect([path, text(changed) === shown]).toEqual([path, false]);
        }
      }),
      { numRuns: 40 },
    );
  });
});

test("every printer and every equality is in the table", ({ expect }) => {
  const known = new Set(kinds.flatMap(({ equal, format }) => [equal.name, format.name]));
  const exported = Object.keys(api).filter((name) => /^(?:equal|format)[A-Z]/.test(name));
  // A ref name as text is part of others; names.test.ts knows it.
  expect(exported.filter((name) => !known.has(name))).toEqual(["formatRefName"]);
});
