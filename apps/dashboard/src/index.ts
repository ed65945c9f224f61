/** `@gitsync/dashboard`: the files of the page. Plain HTML, CSS and JavaScript without a build. */

import { readFileSync } from "node:fs";

export interface PageFile {
  /** Where the page asks for it. */
  readonly path: string;
  readonly contentType: string;
  /** Its name in the folder `page`. */
  readonly name: string;
}

export const PAGE_FILES: readonly PageFile[] = Object.freeze([
  { path: "/", contentType: "text/html; charset=utf-8", name: "index.html" },
  { path: "/page.css", contentType: "text/css; charset=utf-8", name: "page.css" },
  { path: "/page.js", contentType: "text/javascript; charset=utf-8", name: "page.js" },
  { path: "/icon.svg", contentType: "image/svg+xml", name: "icon.svg" },
]);

/** The content of a file, read now. */
export function readPageFile(file: PageFile): Buffer {
  return readFileSync(new URL(`../page/${file.name}`, import.meta.url));
}
