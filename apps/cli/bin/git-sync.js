#!/usr/bin/env node
/**
 * The `git-sync` command. Plain JavaScript that an old Node.js can parse, so that it can say what is wrong.
 *
 * In a checkout the TypeScript sources run as they are, in this very process: a child process would come between
 * the terminal, its signals and us. An installed package (Node.js strips no types below node_modules) runs `dist`.
 */
import { existsSync, realpathSync } from "node:fs";
import * as nodeModule from "node:module";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 24;
const SOURCE_CONDITION = "@gitsync/source";

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `error: git-sync needs Node.js ${OLDEST_NODE} or newer and this is ${process.versions.node}; ` +
      "run it with npx or an npm script of the checkout, which bring their own, or install a newer one\n",
  );
  process.exitCode = 2;
} else {
  const source = realpathSync(fileURLToPath(import.meta.url)).replace(
    /bin.git-sync\.js$/u,
    `src${sep}main.ts`,
  );
  const inCheckout = existsSync(source) && !source.includes(`${sep}node_modules${sep}`);
  if (inCheckout) {
    nodeModule.registerHooks({
      resolve: (specifier, context, nextResolve) =>
        nextResolve(specifier, { ...context, conditions: [SOURCE_CONDITION, ...context.conditions] }),
    });
  }
  const { main } = await import(inCheckout ? "../src/main.ts" : "../dist/main.js");
  await main(process);
}
