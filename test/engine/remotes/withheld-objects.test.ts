/** Sources that leave out what their refs need. A relay keeps no objects to look that up in; the target does. */

import { describe, expect, test } from "vitest";
import { encodePack, readPackObjects } from "@gitsync/protocol";
import type { HttpFault, HttpIntercept } from "../../support/git-server.ts";
import { commit, leftoversOf, refsOf } from "../../support/repository.ts";
import { answerWith, packOf } from "../fetch-answers.ts";
import { openScriptedHost } from "./scripted-host.ts";

/** A source whose packs hold what `keeps` says, in good order and with a right sum. */
function withholding(keeps: (text: string, type: string) => boolean): HttpIntercept {
  return ({ path, isListing }): HttpFault | undefined =>
    path === "/source.git/git-upload-pack" && !isListing
      ? {
          type: "rewrite",
          rewrite: (body) => {
            const pack = packOf(body);
            if (pack === undefined) return body;
            const kept = [...readPackObjects(pack, { format: "sha1" })].filter(({ data, type }) =>
              keeps(Buffer.from(data).toString("latin1"), type),
            );
            return answerWith(encodePack(kept, "sha1"));
          },
        }
      : undefined;
}

describe("a pack in good order that lacks", () => {
  const CASES = {
    "a file": (text: string) => text !== "the third",
    "a folder": (_text: string, type: string) => type !== "tree",
    "a commit in between": (text: string) => !text.includes("\n\nsecond"),
    "the commit of a ref": (text: string) => !text.includes("\n\nthird"),
    everything: () => false,
  } as const;

  test.for(
    Object.keys(CASES).flatMap((what) =>
      (["first mirror", "fast-forward"] as const).map((kind) => [what, kind] as const),
    ),
  )("%s moves no ref in a %s: the target finds out, and keeps nothing", async ([what, kind]) => {
    await using rig = await openScriptedHost({}, { bestEffort: true });
    if (kind === "fast-forward") await rig.relay();
    const next = (message: string): Promise<string> =>
      commit(rig.source, "refs/heads/main", { [message]: `the ${message}` }, { message });
    await next("second");
    await next("third");
    const before = await refsOf(rig.target);
    rig.host.intercept(withholding(CASES[what as keyof typeof CASES]));
    const { refs, counts } = await rig.relay();
    expect(refs).toMatchObject([
      { targetRef: "refs/heads/main", outcome: "refused", code: "missing-objects" },
    ]);
    expect(counts).toMatchObject({ applied: 0, refused: 1 });
    expect(await refsOf(rig.target)).toEqual(before);
    expect(await leftoversOf(rig.target)).toEqual([]);
  });
});
