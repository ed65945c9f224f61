import { readdirSync } from "node:fs";
import { describe, test } from "vitest";
import { PAGE_FILES, readPageFile } from "./index.ts";

const text = (name: string): string => {
  const file = PAGE_FILES.find((candidate) => candidate.name === name);
  if (file === undefined) throw new TypeError(`no file ${name}`);
  return readPageFile(file).toString("utf8");
};

describe("the page", () => {
  test("every file of it is named, and nothing else", ({ expect }) => {
    const names = readdirSync(new URL("../page", import.meta.url));
    expect(PAGE_FILES.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });

  test("it refers to its own files only, and works without inline code", ({ expect }) => {
    const html = text("index.html");
    const referred = Array.from(html.matchAll(/(?:href|src)="([^"]*)"/gu), ([, path]) => path ?? "");
    expect(referred.toSorted()).toEqual(["/icon.svg", "/page.css", "/page.js"]);
    expect(html).not.toMatch(/<style|style=|\son\w+=|<script>/u);
    expect(text("page.css")).not.toMatch(/url\(|@import/u);
  });

  test("what the API says is put in as text, never as markup", ({ expect }) => {
    expect(text("page.js")).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/u);
    expect(text("page.js")).not.toMatch(/localStorage|sessionStorage|document\.cookie/u);
  });
});
