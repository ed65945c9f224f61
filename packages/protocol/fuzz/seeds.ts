// The inputs from which a parser's mutants come: recordings of real git, and what once broke it.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { vector, vectorNames } from "../fixtures/vectors.ts";
import type { FuzzTarget } from "./target.ts";

const regressions: URL = new URL("../fixtures/regressions/", import.meta.url);

/** An input that once broke a parser. */
export interface Regression {
  /** The file's, without its ending: what the input is. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where inputs that broke a parser are kept. */
export function regressionFolder(target: FuzzTarget): URL {
  return new URL(`${target.name}/`, regressions);
}

/** The inputs that once broke this parser, by name. */
export function regressionsOf(target: FuzzTarget): Regression[] {
  const folder = regressionFolder(target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => ({
      name: file.replace(/\.bin$/, ""),
      bytes: new Uint8Array(readFileSync(new URL(file, folder))),
    }));
}

/** Names of the parsers of which such inputs are kept. */
export function regressionTargets(): string[] {
  return existsSync(regressions) ? readdirSync(regressions).sort() : [];
}

/** What mutants of this parser's input are made of. Never empty. */
export function seedsOf(target: FuzzTarget): Uint8Array[] {
  const names = target.recordings.flatMap((prefix) => [
    ...vectorNames(prefix, ".bin"),
    ...vectorNames(prefix, ".pack"),
  ]);
  return [...target.seeds, ...names.map(vector), ...regressionsOf(target).map(({ bytes }) => bytes)];
}
