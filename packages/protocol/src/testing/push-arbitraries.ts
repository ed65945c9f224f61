// Generators of legal pushes for property tests.

import fc from "fast-check";
import { CapabilityList } from "../capabilities.ts";
import type { ObjectFormat } from "../object-id.ts";
import type { PushCertificate } from "../push-certificate.ts";
import type { CommandStatus, ReportStatus } from "../report-status.ts";
import type { RefUpdateCommand } from "../ref-update-command.ts";
import type { UpdateRequest } from "../update-request.ts";
import { capabilityList, lineText, objectFormat, objectId, prose, refName } from "./arbitraries.ts";

export function commands(format: ObjectFormat): fc.Arbitrary<RefUpdateCommand[]> {
  const oid = objectId(format);
  const command: fc.Arbitrary<RefUpdateCommand> = fc.oneof(
    fc.record({ type: fc.constant("create" as const), ref: refName, newId: oid }),
    fc.record({ type: fc.constant("update" as const), ref: refName, oldId: oid, newId: oid }),
    fc.record({ type: fc.constant("delete" as const), ref: refName, oldId: oid }),
  );
  return fc.array(command, { minLength: 1, maxLength: 6 });
}

const pushOption: fc.Arbitrary<string> = lineText.filter((text) => !text.startsWith("ERR "));

/** Armoured, as each kind of signature is. */
const signature: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom("PGP SIGNATURE", "PGP MESSAGE", "SSH SIGNATURE", "SIGNED MESSAGE"),
    fc.array(fc.stringMatching(/^[A-Za-z0-9+/=]{0,64}$/), { maxLength: 4 }),
  )
  .map(([kind, lines]) =>
    new TextEncoder().encode([`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`, ""].join("\n")),
  );

/** A certificate, for these commands or for any. */
export function pushCertificate(
  format: ObjectFormat,
  list: fc.Arbitrary<RefUpdateCommand[]> = commands(format),
): fc.Arbitrary<PushCertificate> {
  return fc.record(
    {
      pusher: lineText,
      pushee: fc.constantFrom("https://example.com/r.git", "example.com:r", "/srv/r"),
      nonce: fc.stringMatching(/^[A-Za-z0-9./+=_-]{1,60}$/),
      pushOptions: fc.array(pushOption, { maxLength: 3 }),
      commands: list,
      signature,
    },
    { requiredKeys: ["pusher", "pushOptions", "commands", "signature"] },
  );
}

/** Signed or not, with options or without. */
export function updateRequest(format: ObjectFormat): fc.Arbitrary<UpdateRequest> {
  const plain = fc.record({
    commands: commands(format),
    capabilities: capabilityList(format),
    objectFormat: fc.constant(format),
    shallow: fc.array(objectId(format), { maxLength: 2 }),
  });
  const withOptions = fc
    .tuple(plain, fc.array(pushOption, { maxLength: 3 }))
    .map(([request, pushOptions]) => ({
      ...request,
      capabilities: new CapabilityList([...request.capabilities, "push-options"]),
      pushOptions,
    }));
  const signed = withOptions.chain((request) =>
    pushCertificate(format).map((certificate) => ({
      ...request,
      certificate: { ...certificate, commands: request.commands, pushOptions: request.pushOptions },
    })),
  );
  return fc.oneof(plain, withOptions, signed);
}

export const reportStatus: fc.Arbitrary<ReportStatus> = objectFormat.chain((format) =>
  fc.record({
    unpack: fc.oneof(
      fc.constant({ ok: true as const }),
      fc.record({ ok: fc.constant(false as const), error: prose }),
    ),
    commands: fc.array(
      fc.oneof(
        fc.record({
          type: fc.constant("ok" as const),
          ref: refName,
          options: fc.record(
            {
              refName,
              oldId: objectId(format),
              newId: objectId(format),
              forcedUpdate: fc.constant(true as const),
            },
            { requiredKeys: [] },
          ),
        }),
        fc.record({ type: fc.constant("ng" as const), ref: refName, reason: prose }),
      ) satisfies fc.Arbitrary<CommandStatus>,
      { maxLength: 6 },
    ),
  }),
);
