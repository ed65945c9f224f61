/** Sources of ours as one script for browsers, as a bundler of their users would make it. */

import { rolldown } from "rolldown";

/** The ES module at `entry` with all that it imports. Fails when something of it needs Node. */
export async function bundleForBrowser(entry: string): Promise<string> {
  await using build = await rolldown({
    input: entry,
    platform: "browser",
    resolve: { conditionNames: ["@gitsync/source", "browser", "import", "default"] },
    onwarn: (warning) => {
      throw new Error(`Cannot bundle ${entry}: ${warning.message}`);
    },
  });
  const { output } = await build.generate({ format: "esm", codeSplitting: false });
  const [chunk, ...others] = output;
  const imports = [...chunk.imports, ...chunk.dynamicImports];
  if (others.length > 0 || imports.length > 0) {
    throw new Error(`Cannot bundle ${entry} into one script: it needs ${imports.join(", ")}`);
  }
  return chunk.code;
}
