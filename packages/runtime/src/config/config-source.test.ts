import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openConfigSource, type ConfigSource, type ConfigSourceOptions } from "./config-source.ts";
import { createLogger } from "../logger.ts";
import { DEFAULT_FLEET_CONFIG, type FleetConfig } from "./fleet-config.ts";

interface LoggedLine {
  readonly level: string;
  readonly msg: string;
  readonly faults?: readonly string[];
}

let folder: string;
let file: string;
let logged: LoggedLine[];
let source: ConfigSource | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitsync-source-"));
  file = join(folder, "mirrors.yaml");
  logged = [];
});

afterEach(async () => {
  source?.close();
  await rm(folder, { recursive: true });
});

const mirror = (id: string): string =>
  `version: 1\nmirrors: [{ id: ${id}, source: { url: "https://a.test/${id}" }, targets: [{ id: t, url: "https://b.test/${id}" }] }]\n`;
const ids = (config: FleetConfig): string => config.mirrors.map(({ id }) => id).join(" ");

async function opened(changes: Partial<ConfigSourceOptions> = {}): Promise<ConfigSource> {
  const logger = createLogger({
    name: "test",
    destination: { write: (line) => void logged.push(JSON.parse(line) as LoggedLine) },
  });
  source = await openConfigSource({
    file,
    logger,
    lookEveryMs: 5,
    ...changes,
  });
  return source;
}

async function settled(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 10_000, interval: 5 });
}

describe("openConfigSource()", () => {
  test("without a file gives what is built in, for ever", async () => {
    const fixed = await opened({ file: undefined });
    await fixed.reload();
    expect(fixed.current()).toBe(DEFAULT_FLEET_CONFIG);
    expect(fixed.fault()).toBeUndefined();
  });

  test("does not open with a file that has faults", async () => {
    await writeFile(file, "version: 2\n");
    await expect(opened()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("tells of a changed file, once, with what was before", async () => {
    await writeFile(file, mirror("a"));
    const config = await opened();
    const told: string[] = [];
    config.onChange((after, before) => told.push(`${ids(before)} -> ${ids(after)}`));
    await writeFile(file, mirror("b"));
    await settled(() => expect(ids(config.current())).toBe("b"));
    await writeFile(file, `# the same\n${mirror("b")}`);
    await config.reload();
    expect(told).toEqual(["a -> b"]);
    expect(logged.map(({ msg }) => msg)).toEqual(["Configuration changed"]);
  });

  test("tells nobody who does not listen any more", async () => {
    await writeFile(file, mirror("a"));
    const config = await opened();
    const told: string[] = [];
    const stop = config.onChange(() => told.push("told"));
    stop();
    await writeFile(file, mirror("b"));
    await config.reload();
    expect(told).toEqual([]);
  });

  test("keeps what was in force when the new file has faults, and says so until it is mended", async () => {
    await writeFile(file, mirror("a"));
    const config = await opened();
    await writeFile(file, "version: 1\nmirrrors: []\n");
    await settled(() => expect(config.fault()).toContain("line 2, mirrrors"));
    expect(ids(config.current())).toBe("a");
    expect(logged[0]).toMatchObject({
      level: "error",
      faults: [expect.stringContaining("mirrrors: is not known")],
    });
    await writeFile(file, mirror("a"));
    await settled(() => expect(config.fault()).toBeUndefined());
  });

  test("keeps what was in force while the file is away", async () => {
    await writeFile(file, mirror("a"));
    const config = await opened();
    await rm(file);
    await settled(() => expect(config.fault()).toContain("cannot be read"));
    expect(ids(config.current())).toBe("a");
    await writeFile(file, mirror("c"));
    await settled(() => expect(ids(config.current())).toBe("c"));
  });

  test("keeps what was in force when the process cannot take the new one over", async () => {
    await writeFile(file, mirror("a"));
    const accept = (config: FleetConfig): void => {
      if (config.adhoc) throw new Error("adhoc needs a restart");
    };
    const config = await opened({ accept });
    await writeFile(file, `${mirror("b")}adhoc: true\n`);
    await config.reload();
    expect(config.fault()).toBe("adhoc needs a restart");
    expect(ids(config.current())).toBe("a");
  });

  test("sees included files change, come and go", async () => {
    await mkdir(join(folder, "mirrors.d"));
    await writeFile(file, "version: 1\ninclude: [mirrors.d/*.yaml]\n");
    const config = await opened();
    await writeFile(join(folder, "mirrors.d/a.yaml"), mirror("a"));
    await settled(() => expect(ids(config.current())).toBe("a"));
    await writeFile(join(folder, "mirrors.d/a.yaml"), mirror("b"));
    await settled(() => expect(ids(config.current())).toBe("b"));
    await rm(join(folder, "mirrors.d/a.yaml"));
    await settled(() => expect(ids(config.current())).toBe(""));
  });

  test("sees a new included file that had a fault mended in its place", async () => {
    const added = join(folder, "mirrors.d/new.yaml");
    await mkdir(join(folder, "mirrors.d"));
    await writeFile(file, "version: 1\ninclude: [mirrors.d/*.yaml]\n");
    const config = await opened();
    await writeFile(added, "version: 1\nmirrrors: []\n");
    await settled(() => expect(config.fault()).toContain("mirrrors"));
    await config.reload();
    expect(logged.map(({ level }) => level)).toEqual(["error"]);
    await writeFile(added, mirror("a"));
    await settled(() => expect(ids(config.current())).toBe("a"));
  });

  test("sees the file come that a changed main file names", async () => {
    await mkdir(join(folder, "later"));
    await writeFile(file, "version: 1\n");
    const config = await opened();
    await writeFile(file, "version: 1\ninclude: [later/a.yaml]\n");
    await settled(() => expect(config.fault()).toContain("is not there"));
    await writeFile(join(folder, "later/a.yaml"), mirror("a"));
    await settled(() => expect(ids(config.current())).toBe("a"));
  });

  test("sees files come below the folders that a pattern walks", async () => {
    await mkdir(join(folder, "mirrors.d/team"), { recursive: true });
    await writeFile(join(folder, "mirrors.d/team/a.yaml"), mirror("a"));
    await writeFile(file, "version: 1\ninclude: ['mirrors.d/**/*.yaml']\n");
    const config = await opened();
    await config.reload();
    await writeFile(join(folder, "mirrors.d/team/b.yaml"), mirror("b"));
    await settled(() => expect(ids(config.current())).toBe("a b"));
    await mkdir(join(folder, "mirrors.d/other"));
    await config.reload();
    await writeFile(join(folder, "mirrors.d/other/c.yaml"), mirror("c"));
    await settled(() => expect(ids(config.current())).toBe("a b c"));
  });

  test("sees a link that leads to another file of the same size", async () => {
    await writeFile(join(folder, "one"), mirror("a"));
    await writeFile(join(folder, "two"), mirror("b"));
    await symlink("one", file);
    const config = await opened();
    await config.reload();
    await symlink("two", join(folder, "next"));
    await rename(join(folder, "next"), file);
    await settled(() => expect(ids(config.current())).toBe("b"));
  });

  test("looks no more once it is closed", async () => {
    await writeFile(file, mirror("a"));
    const config = await opened();
    config.close();
    await writeFile(file, mirror("b"));
    await config.reload();
    expect(ids(config.current())).toBe("a");
  });
});
