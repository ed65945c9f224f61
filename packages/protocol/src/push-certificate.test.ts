import fc from "fast-check";
import { describe, test } from "vitest";
import { temporaryDirectory } from "../fixtures/git.ts";
import { signingStand, type SigningStand } from "../fixtures/signed-push.ts";
import { AdvertisementDecoder } from "./advertisement-decoder.ts";
import type { CapabilityList } from "./capabilities.ts";
import { equalPushCertificates } from "./equal/push.ts";
import { decodeMessage } from "./message-decoder.ts";
import { parseObjectId } from "./object-id.ts";
import { emptyPack } from "./pack/header.ts";
import {
  decodePushCertificate,
  encodePushCertificate,
  encodePushCertificateContent,
  type PushCertificateContent,
} from "./push-certificate.ts";
import { checkPushNonce, createPushNonce, isPushNonce, type PushNonceSource } from "./push-nonce.ts";
import { parseRefName } from "./ref-name.ts";
import { receivePackFeatures } from "./server-features.ts";
import { objectFormat } from "./testing/arbitraries.ts";
import { concat, wire } from "./testing/bytes.ts";
import { pushCertificate } from "./testing/push-arbitraries.ts";
import { chooseUpdateCapabilities } from "./update-capabilities.ts";
import { encodeUpdateRequest } from "./update-request.ts";
import { urlWithoutCredentials } from "./url-without-credentials.ts";

const A = parseObjectId("a".repeat(40));
const content: PushCertificateContent = {
  pusher: "A <a@example.com> 1700000000 +0000",
  pushee: "https://example.com/r.git",
  nonce: "1700000000-abc",
  pushOptions: ["ci.skip"],
  commands: [{ type: "create", ref: parseRefName("refs/heads/x"), newId: A }],
};
const signature = wire("-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n");

describe("push certificate", () => {
  test("the signed bytes, exactly", ({ expect }) => {
    expect(encodePushCertificateContent(content, "sha1")).toEqual(
      wire(
        [
          "certificate version 0.1",
          "pusher A <a@example.com> 1700000000 +0000",
          "pushee https://example.com/r.git",
          "nonce 1700000000-abc",
          "push-option ci.skip",
          "",
          `${"0".repeat(40)} ${A} refs/heads/x`,
          "",
        ].join("\n"),
      ),
    );
  });

  test("is read as it was written, and says what was signed", ({ expect }) => {
    const certificates = objectFormat.chain((format) =>
      fc.tuple(fc.constant(format), pushCertificate(format)),
    );
    fc.assert(
      fc.property(certificates, ([format, certificate]) => {
        const read = decodePushCertificate(encodePushCertificate(certificate, format), format);
        expect(equalPushCertificates(read, certificate)).toBe(true);
        expect(read.signedBytes).toEqual(encodePushCertificateContent(certificate, format));
      }),
    );
  });

  test("header lines of the future are signed and ignored", ({ expect }) => {
    const text = new TextDecoder().decode(encodePushCertificateContent(content, "sha1"));
    const signed = wire(text.replace("\nnonce", "\nfuture x\nnonce"));
    const read = decodePushCertificate(concat(signed, signature), "sha1");
    expect(read.signedBytes).toEqual(signed);
    expect(equalPushCertificates(read, { ...content, signature })).toBe(true);
  });

  test.for<[string, Partial<PushCertificateContent>, string]>([
    ["a pusher of two lines", { pusher: "a\nnonce x" }, "CERTIFICATE_INVALID"],
    ["no pusher", { pusher: "" }, "CERTIFICATE_INVALID"],
    ["an option of two lines", { pushOptions: ["a\nb"] }, "CERTIFICATE_INVALID"],
    ["credentials", { pushee: "https://u:secret@example.com/r" }, "CERTIFICATE_INVALID"],
    ["a nonce that is text to sign", { nonce: "I owe you" }, "NONCE_INVALID"],
  ])("signs nothing with %s", ([, change, code], { expect }) => {
    expect(() => encodePushCertificateContent({ ...content, ...change }, "sha1")).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test.for([
    ["no signature", "certificate version 0.1\npusher A\n\n"],
    ["another version", "certificate version 0.2\npusher A\n\n-----BEGIN SSH SIGNATURE-----\n"],
    ["no pusher", "certificate version 0.1\n\n-----BEGIN SSH SIGNATURE-----\n"],
    ["no end of its header", "certificate version 0.1\npusher A\n-----BEGIN SSH SIGNATURE-----\n"],
  ] as const)("with %s is refused", ([, text], { expect }) => {
    expect(() => decodePushCertificate(wire(text), "sha1")).toThrow(
      expect.objectContaining({ code: "CERTIFICATE_INVALID" }),
    );
  });

  test.for(["x\n", "-----BEGIN SSH SIGNATURE-----"])(
    "the signature %j is not written",
    (text, { expect }) => {
      expect(() => encodePushCertificate({ ...content, signature: wire(text) }, "sha1")).toThrow(
        expect.objectContaining({ code: "CERTIFICATE_INVALID" }),
      );
    },
  );

  test("vouches for what is sent with it, and for nothing else", ({ expect }) => {
    const certificate = { ...content, signature };
    const request = {
      ...certificate,
      capabilities: ["push-options"],
      objectFormat: "sha1" as const,
      certificate,
    };
    expect(() => encodeUpdateRequest(request)).not.toThrow();
    for (const change of [{ commands: [] }, { pushOptions: ["other"] }]) {
      expect(() => encodeUpdateRequest({ ...request, ...change })).toThrow(
        expect.objectContaining({ code: "CERTIFICATE_INVALID" }),
      );
    }
  });

  test.for([
    ["https://u:p@h/r", "https://h/r"],
    ["https://h/r@x", "https://h/r@x"],
    ["u@h:r", "h:r"],
    ["/srv/a@b", "/srv/a@b"],
    ["a@b/c", "a@b/c"],
    ["@s://u:p@h/r", "s://h/r"],
    ["u@s://@", "s://"],
  ] as const)("the pushee %s is named as %s", ([address, shown], { expect }) => {
    expect(urlWithoutCredentials(address)).toBe(shown);
  });
});

describe("push nonce", () => {
  const source: PushNonceSource = { seed: "s", repository: "/r", objectFormat: "sha1" };
  const old = createPushNonce(source, 1000);
  const issued = createPushNonce(source, 1030);

  test.for([
    ["1700000000-0a", true],
    ["a".repeat(255), true],
    ["a".repeat(256), false],
    ["", false],
    ["a b", false],
    ["a\n", false],
  ] as const)("%j may be signed: %s", ([text, may], { expect }) => {
    expect(isPushNonce(text)).toBe(may);
  });

  test.for([
    ["the one given out", { received: issued, issued }, { type: "ok" }],
    ["none", { received: undefined, issued }, { type: "missing" }],
    ["one nobody gave out", { received: issued, issued: undefined }, { type: "unsolicited" }],
    ["an older one, on one connection", { received: old, issued }, { type: "bad" }],
    ["an older one of this server", { received: old, issued, source }, { type: "slop", slopSeconds: 30 }],
    ["an older one, within the slop", { received: old, issued, source, maxSlopSeconds: 30 }, { type: "ok" }],
    [
      "an older one, beyond the slop",
      { received: old, issued, source, maxSlopSeconds: 29 },
      { type: "slop", slopSeconds: 30 },
    ],
    [
      "an older one of another repository",
      {
        received: createPushNonce({ ...source, repository: "/s" }, 1000),
        issued,
        source,
        maxSlopSeconds: 99,
      },
      { type: "bad" },
    ],
    ["nonsense", { received: "1000-", issued, source }, { type: "bad" }],
  ] as const)("%s", ([, check, status], { expect }) => {
    expect(checkPushNonce(check)).toEqual(status);
  });
});

describe.for(["sha1", "sha256"] as const)("real git with %s", (format) => {
  const advertised = (stand: SigningStand): CapabilityList =>
    decodeMessage(
      new AdvertisementDecoder({ service: "git-receive-pack", smartHttp: false }),
      stand.advertisement(),
    ).capabilities;

  test("makes the same nonce", ({ expect }) => {
    using scratch = temporaryDirectory();
    const nonce = receivePackFeatures(advertised(signingStand(scratch.path, format))).pushNonce ?? "";
    const seconds = Number.parseInt(nonce, 10);
    // git names the repository as its command line did.
    expect(createPushNonce({ seed: "secret", repository: ".", objectFormat: format }, seconds)).toBe(nonce);
  });

  test("accepts our certificate, and we read back what it stored", ({ expect }) => {
    using scratch = temporaryDirectory();
    const stand = signingStand(scratch.path, format);
    const features = advertised(stand);
    const newId = parseObjectId(stand.commit(), format);
    const commands = [{ type: "create", ref: parseRefName("refs/heads/signed"), newId }] as const;
    const what: PushCertificateContent = {
      pusher: "a@example.com 1700000000 +0000",
      pushee: stand.repository,
      nonce: receivePackFeatures(features).pushNonce ?? "",
      pushOptions: [],
      commands,
    };
    const certificate = { ...what, signature: stand.sign(encodePushCertificateContent(what, format)) };
    const capabilities = chooseUpdateCapabilities(features, { objectFormat: format });
    const head = encodeUpdateRequest({ commands, capabilities, objectFormat: format, certificate });
    stand.receive(concat(head, emptyPack(format)));
    const { status, stored } = stand.verdict();
    expect(status).toMatch(/^G (?:OK|SLOP)$/);
    expect(equalPushCertificates(decodePushCertificate(stored, format), certificate)).toBe(true);
  });
});
