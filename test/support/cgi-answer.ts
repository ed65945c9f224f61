/** What a CGI program answers, read from its standard output. */

/** A CGI program's output: header lines, an empty line, the body. */
export class CgiAnswer {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest = Buffer.alloc(0);

  constructor(stdout: AsyncIterable<Buffer>) {
    this.#chunks = stdout[Symbol.asyncIterator]();
  }

  async head(): Promise<{ readonly status: number; readonly headers: Record<string, string> }> {
    for (;;) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end >= 0) {
        const lines = this.#rest.toString("latin1", 0, end).split("\r\n");
        this.#rest = this.#rest.subarray(end + 4);
        return parseHead(lines);
      }
      const { done, value } = await this.#chunks.next();
      if (done) return { status: 500, headers: {} };
      this.#rest = Buffer.concat([this.#rest, value]);
    }
  }

  /** Read what is left and forget it. */
  async drain(): Promise<void> {
    for (;;) {
      const { done } = await this.#chunks.next();
      if (done) return;
    }
  }

  async *body(): AsyncGenerator<Buffer> {
    if (this.#rest.length > 0) yield this.#rest;
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done) return;
      yield value;
    }
  }
}

function parseHead(lines: readonly string[]): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "status") status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  return { status, headers };
}
