/** The command line as an installed package runs it: compiled, not from its sources, whose compiler is memory, too. */

const { main } = await import(new URL("../../apps/cli/dist/main.js", import.meta.url).href);
await main(process);
