#!/usr/bin/env node
/** `git-sync-bench …` is `git-sync bench …`. */
process.argv.splice(2, 0, "bench");
await import("./git-sync.js");
