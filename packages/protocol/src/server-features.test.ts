import { describe, test } from "vitest";
import { vector } from "../fixtures/vectors.ts";
import { AdvertisementDecoder } from "./advertisement-decoder.ts";
import type { GitService } from "./advertisement.ts";
import { CapabilityList, parseCapabilities } from "./capabilities.ts";
import { decodeMessage } from "./message-decoder.ts";
import { receivePackFeatures, uploadPackFeatures, v2Features } from "./server-features.ts";

function recorded(name: string, service: GitService): CapabilityList {
  return decodeMessage(new AdvertisementDecoder({ service, smartHttp: false }), vector(name)).capabilities;
}

describe("views of capabilities", () => {
  test("git's upload-pack in v0: nothing is unknown", ({ expect }) => {
    expect(uploadPackFeatures(recorded("adv-up-v0-full.bin", "git-upload-pack"))).toMatchObject({
      ackMode: "multi_ack_detailed",
      sideband: "side-band-64k",
      noDone: true,
      thinPack: true,
      ofsDelta: true,
      shallow: true,
      deepenSince: true,
      deepenNot: true,
      deepenRelative: true,
      noProgress: true,
      includeTag: true,
      filter: false,
      symrefs: ["HEAD:refs/heads/main"],
      objectFormats: ["sha1"],
      unknown: [],
    });
  });

  test("git's receive-pack with everything on: nothing is unknown", ({ expect }) => {
    expect(receivePackFeatures(recorded("adv-rp-v0-full-allcaps.bin", "git-receive-pack"))).toMatchObject({
      reportStatus: "report-status-v2",
      sideband: "side-band-64k",
      deleteRefs: true,
      ofsDelta: true,
      noThin: false,
      quiet: true,
      atomic: true,
      pushOptions: true,
      pushNonce: expect.stringMatching(/^[0-9]+-[0-9a-f]{40}$/),
      sessionId: expect.any(String),
      unknown: [],
    });
  });

  test("git in v2 with everything on: nothing is unknown", ({ expect }) => {
    const features = v2Features(recorded("adv-up-v2-full-allcaps.bin", "git-upload-pack"));
    expect(features).toMatchObject({
      lsRefs: { unborn: true },
      fetch: {
        shallow: true,
        waitForDone: true,
        filter: true,
        refInWant: true,
        sidebandAll: true,
        packfileUris: true,
      },
      objectInfo: { size: true },
      serverOption: true,
      objectFormats: ["sha1"],
      unknown: [],
    });
  });

  test("what a view does not know is kept in order", ({ expect }) => {
    const list = parseCapabilities("zeta multi_ack alpha=1 side-band zeta=2");
    expect(uploadPackFeatures(list)).toMatchObject({
      ackMode: "multi_ack",
      sideband: "side-band",
      unknown: [{ name: "zeta" }, { name: "alpha", value: "1" }, { name: "zeta", value: "2" }],
    });
    expect(receivePackFeatures(new CapabilityList(["report-status"])).reportStatus).toBe("report-status");
    expect(v2Features(new CapabilityList(["object-info=type"])).objectInfo).toEqual({ size: false });
  });

  test("advised remotes are decoded; malformed ones are left out", ({ expect }) => {
    const value = [
      "name=a,url=https%3A%2F%2Fx%2Fr.git,token=s%3B",
      "name=nothing",
      "name=b,url=%zz",
      "name=c,name=d,url=x",
      "name=e,url=x%20y",
    ].join(";");
    const { promisorRemotes } = v2Features(new CapabilityList([{ name: "promisor-remote", value }]));
    expect(promisorRemotes).toEqual([
      { name: "a", url: "https://x/r.git", fields: new Map([["token", "s;"]]) },
      { name: "e", url: "x y", fields: new Map() },
    ]);
  });
});
