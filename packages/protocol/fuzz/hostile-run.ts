// `node fuzz/hostile-run.ts NAME BYTES`: one endless stream in a process of its own, whose memory is then known. Prints
// what became of it as JSON. Without arguments: the streams, as JSON, with how many bytes it may take until each ends in
// `LIMIT_EXCEEDED`; null for those that nobody keeps.

import { ProtocolError } from "../src/errors.ts";
import { LsRefsDecoder } from "../src/ls-refs.ts";
import { concat, packets } from "../src/testing/bytes.ts";
import { HOSTILE_STREAMS, type HostileStream } from "./hostile-streams.ts";

const CHUNK_LENGTH = 64 * 1024;
const [, , name, length] = process.argv;

if (name === undefined) {
  const list = HOSTILE_STREAMS.map((stream) => ({ name: stream.name, endsWithin: stream.endsWithin }));
  process.stdout.write(JSON.stringify(list));
} else {
  const stream = HOSTILE_STREAMS.find((candidate) => candidate.name === name);
  if (stream === undefined) throw new RangeError(`There is no stream called ${name}`);
  process.stdout.write(`${JSON.stringify(run(stream, Number(length)))}\n`);
}

function run({ make, head, again }: HostileStream, most: number): Record<string, string | number> {
  const block = concat(...Array.from({ length: Math.ceil(CHUNK_LENGTH / again.length) }, () => again));
  warmUp();
  const before = process.memoryUsage.rss();
  const started = performance.now();
  let bytes = head.length;
  let end = "value";
  try {
    const subject = make();
    subject.feed(head);
    while (bytes < most) {
      subject.feed(block);
      bytes += block.length;
    }
    subject.finish();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    end = error.code;
  }
  const seconds = (performance.now() - started) / 1000;
  // The peak since the process began; what was used before is no more than what an ordinary answer takes.
  const grewMebibytes = process.resourceUsage().maxRSS / 1024 - before / 1024 / 1024;
  return { end, bytes, seconds, grewMebibytes };
}

/** A process at work has a full young generation and compiled code: neither is the stream's doing. */
function warmUp(): void {
  const answer = packets(
    ...Array.from({ length: 1000 }, (_, index) => `${"a".repeat(40)} refs/heads/${index}`),
    "0000",
  );
  for (let turn = 0; turn < 200; turn += 1) {
    const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
    decoder.feed(answer);
    decoder.finish();
  }
}
