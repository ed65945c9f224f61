/** The input of `git fast-import`, put together piece by piece. Ref names and paths are latin1: bytes as they are. */
export class FastImportText {
  #pieces: Uint8Array[] = [];
  #text = "";

  /** How many bytes have been added since the last {@link take}. */
  length = 0;

  add(text: string): void {
    this.#text += text;
    this.length += text.length;
  }

  /** A `data` block, with the line end that may follow it. */
  addData(bytes: Uint8Array): void {
    this.add(`data ${bytes.length}\n`);
    this.#flush();
    this.#pieces.push(bytes);
    this.length += bytes.length;
    this.add("\n");
  }

  /** Everything added so far; starts anew. */
  take(): Buffer {
    this.#flush();
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.length = 0;
    return bytes;
  }

  #flush(): void {
    if (this.#text !== "") this.#pieces.push(Buffer.from(this.#text, "latin1"));
    this.#text = "";
  }
}
