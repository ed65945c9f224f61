import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { COMMANDS } from "@gitsync/cli";
import { afterAll, beforeAll, describe, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import type { TemporaryFolder } from "../support/temporary-folder.ts";
import { cliFolder, runCli } from "./git-sync.ts";

const run = promisify(execFile);

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = cliFolder("completion");
  await writeFile(folder.join("here.git"), "");
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Where the script of a shell is, as `git-sync completion` prints it. */
async function script(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runCli(["completion", shell], { folder: folder.path });
  if (code !== 0 || stderr !== "") throw new Error(stderr);
  const path = join(folder.path, `${shell}.completion`);
  await writeFile(path, stdout);
  return path;
}

type Complete = (...words: readonly string[]) => Promise<readonly string[]>;

/** What the shell offers for the last of the words, sorted. */
const SHELLS: Readonly<Record<"bash" | "zsh" | "fish", (path: string) => Complete>> = {
  bash:
    (path) =>
    async (...words) => {
      const list = words.map((word) => `'${word}'`).join(" ");
      const line = `source ${path}; COMP_WORDS=(git-sync ${list}); COMP_CWORD=${words.length}; _git_sync; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return offered((await run("bash", ["--norc", "-c", line], { cwd: folder.path })).stdout);
    },
  zsh:
    (path) =>
    async (...words) => {
      // An interactive shell below a terminal of its own; compadd is where everything that it offers goes through.
      const settings = `
      autoload -Uz compinit; compinit -u -D
      source ${path}
      compadd() {
        local -a seen; builtin compadd -O seen "$@"; print -rl -- $seen >> ${path}.offered
        builtin compadd "$@"
      }
      complete-and-tell() { zle complete-word; print END-OF-OFFERS >> ${path}.offered }
      zle -N complete-and-tell
      bindkey '^I' complete-and-tell
    `;
      await writeFile(`${path}.settings`, settings);
      await writeFile(`${path}.offered`, "");
      const driver = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell 'PROMPT=; source ${path}.settings; print REA''DY'
      said=; while [[ $said != *READY* ]]; do zpty -r shell line; said+=$line; done
      zpty -w -n shell ${quoted(`git-sync ${words.join(" ")}`)}$'\\t'
      until [[ $(<${path}.offered) == *END-OF-OFFERS ]]; do zpty -r -t shell line; sleep 0.01; done
      zpty -d shell
    `;
      await run("zsh", ["-f", "-c", driver], { cwd: folder.path, timeout: 20_000 });
      const seen = offered(await readFile(`${path}.offered`, "utf8"));
      return seen.filter((line) => line !== "END-OF-OFFERS");
    },
  fish:
    (path) =>
    async (...words) => {
      const typed = `git-sync ${words.join(" ")}`;
      const { stdout } = await run(
        "fish",
        ["--no-config", "-c", `source ${path}; complete -C ${quoted(typed)}`],
        {
          cwd: folder.path,
          env: { PATH: process.env["PATH"], HOME: folder.path },
        },
      );
      return offered(stdout.replaceAll(/\t.*$/gmu, ""));
    },
};

function offered(text: string): readonly string[] {
  return [...new Set(text.split("\n").filter((line) => line !== ""))].toSorted();
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  describeWith([shell], `completion in ${shell}`, () => {
    let complete: Complete;
    beforeAll(async () => {
      complete = SHELLS[shell](await script(shell));
    });

    test("offers the commands", async ({ expect }) => {
      expect(await complete("")).toEqual(expect.arrayContaining(COMMANDS.map(({ name }) => name)));
      expect(await complete("repl")).toEqual(["replicate"]);
    });

    test("offers the flags of a command, and no other's", async ({ expect }) => {
      expect(await complete("plan", "--mo")).toEqual(["--mode"]);
      expect(await complete("jobs", "--st")).toEqual(["--state"]);
      expect(await complete("version", "--st")).toEqual([]);
    });

    test("offers the values of a flag and the actions of a command", async ({ expect }) => {
      expect(await complete("plan", "--mode", "")).toEqual(["replicate", "sync"]);
      expect(await complete("jobs", "re")).toEqual(["retry"]);
      expect(await complete("help", "gate")).toEqual(["gateway"]);
    });

    test("offers files where a repository or a file is meant", async ({ expect }) => {
      expect(await complete("sync", "he")).toEqual(["here.git"]);
      expect(await complete("worker", "--config", "he")).toEqual(["here.git"]);
    });
  });
}

describe("git-sync completion", () => {
  test("of another shell is bad usage, and says which there are", async ({ expect }) => {
    const outcome = await runCli(["completion", "tcsh"], { folder: folder.path });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain('no completion for "tcsh"; there is one for bash, zsh, fish');
  });
});
