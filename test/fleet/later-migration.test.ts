import { newId, openRouteStore } from "@gitsync/producer";
import { expect, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { BACKENDS } from "./support/backends.ts";
import { someRoute } from "./support/routes.ts";

describeWith(["postgres"], "a state that a newer version migrates", () => {
  test("is used on by processes that prepared their statements before", async () => {
    await using backend = await BACKENDS.find(({ name }) => name === "embedded")?.open();
    const store = backend?.store;
    if (store?.kind !== "postgres") throw new Error("the embedded store is a Postgres one");
    const routes = await openRouteStore(store);
    const all = Array.from({ length: 20 }, () => someRoute());
    await routes.putAll(all);
    const hintAll = async (): Promise<readonly unknown[]> =>
      await Promise.all(
        all.map(({ id }) => routes.hint(id, { jobId: newId(), lane: "sync", trigger: "webhook" })),
      );
    await hintAll();
    await store.pool.query("alter table gitsync.route add column of_a_later_version text");
    expect(await hintAll()).not.toContain(undefined);
  });
});
