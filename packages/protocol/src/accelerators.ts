// The one seam to the host: Node's zlib, crypto and buffer when they exist, our own code when they do not.
// No import of a node module, so the package also loads in a browser.

import type { Accelerators, InflateResult } from "./host.ts";
import { crc32Bytes } from "./fallback/crc32.ts";
import { createSha1 } from "./fallback/sha1.ts";
import { createSha256 } from "./fallback/sha256.ts";
import { deflatePortable, inflatePortable } from "./fallback/zlib.ts";
import { hexText } from "./hex.ts";
import type { ObjectFormat } from "./object-id.ts";

/** Works everywhere. */
export const portable: Accelerators = {
  createHash: createHashPortable,
  hashInto: (format, bytes, target, at) => {
    const hash = createHashPortable(format);
    hash.update(bytes);
    target.set(hash.digest(), at);
  },
  crc32: crc32Bytes,
  inflate: inflatePortable,
  deflate: deflatePortable,
  asciiText: asciiTextPortable,
  hexText,
};

function createHashPortable(format: ObjectFormat): ReturnType<Accelerators["createHash"]> {
  return format === "sha1" ? createSha1() : createSha256();
}

const asciiDecoder = new TextDecoder("latin1");

function asciiTextPortable(bytes: Uint8Array): string | undefined {
  for (const byte of bytes) if (byte >= 0x80) return undefined;
  return asciiDecoder.decode(bytes);
}

function fromNode(): Accelerators | undefined {
  const host = globalThis.process as typeof globalThis.process | undefined;
  const zlib = host?.getBuiltinModule?.("node:zlib");
  const crypto = host?.getBuiltinModule?.("node:crypto");
  const buffer = host?.getBuiltinModule?.("node:buffer");
  if (zlib === undefined || crypto === undefined || buffer === undefined) return undefined;
  const { inflateSync, deflateSync } = zlib;
  const bufferOf = (bytes: Uint8Array): Buffer =>
    buffer.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  const inflate = (source: Uint8Array, size: number): InflateResult => {
    try {
      // The documented `info` form is the only public way to learn where a zlib stream ended.
      const result: unknown = inflateSync(source, {
        info: true,
        chunkSize: Math.max(64, size),
        maxOutputLength: Math.max(1, size),
      });
      if (!isInflateInfo(result) || result.buffer.length !== size) return { type: "wrong-size" };
      const { buffer: data, byteOffset } = result.buffer;
      // No Buffer: its `slice()` copies nothing.
      return {
        type: "ok",
        data: new Uint8Array(data, byteOffset, size),
        consumed: result.engine.bytesWritten,
      };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "Z_BUF_ERROR") return { type: "truncated" };
      return { type: code === "ERR_BUFFER_TOO_LARGE" ? "wrong-size" : "corrupt" };
    }
  };

  return {
    createHash: (format) => {
      const hash = crypto.createHash(format);
      return {
        update: (bytes) => {
          hash.update(bytes);
        },
        digest: () => new Uint8Array(hash.digest()),
      };
    },
    // As text: a digest in a Buffer of its own takes three times as long.
    hashInto: (format, bytes, target, at) => {
      const digest = crypto.hash(format, bytes, "binary");
      for (let index = 0; index < digest.length; index += 1) target[at + index] = digest.charCodeAt(index);
    },
    crc32: (bytes, seed = 0) => zlib.crc32(bytes, seed),
    inflate,
    deflate: (bytes) => deflateSync(bytes),
    asciiText: (bytes) => (buffer.isAscii(bytes) ? bufferOf(bytes).toString("latin1") : undefined),
    hexText: (bytes) => bufferOf(bytes).toString("hex"),
  };
}

function isInflateInfo(
  value: unknown,
): value is { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } } {
  return typeof value === "object" && value !== null && "buffer" in value && "engine" in value;
}

/** The fastest implementation this host has. */
export const accelerators: Accelerators = fromNode() ?? portable;
