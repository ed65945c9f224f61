// Recordings of what real git's clients say.

import { vector } from "../../fixtures/vectors.ts";
import { encodeText } from "../byte-text.ts";
import { decodeDaemonRequest, encodeDaemonRequest } from "../daemon-request.ts";
import { formatHttpUploadRequest } from "../format/fetch.ts";
import { formatUpdateRequest } from "../format/push.ts";
import { formatDaemonRequest, formatSshCommand } from "../format/transport.ts";
import { decodeMessage } from "../message-decoder.ts";
import { decodeSshCommand, encodeSshCommand } from "../ssh-command.ts";
import { encodeUpdateRequest } from "../update-request.ts";
import { UpdateRequestDecoder } from "../update-request-decoder.ts";
import { encodeHttpUploadRequest } from "../upload-request.ts";
import { HttpUploadRequestDecoder } from "../upload-request-decoder.ts";
import { concat } from "./bytes.ts";
import { gathered, type Recording, shown } from "./recording.ts";
import { describePack, onlyPacket, rewritePack } from "./rewriting.ts";
import {
  readCommands,
  readUploadConversation,
  rewriteCommands,
  rewriteUploadConversation,
} from "./spoken.ts";

/** How a request is read depends on its name. */
export function recordedRequest(file: string): Recording {
  const stream = vector(file);
  const base = { file, name: file, stream };
  if (file.startsWith("req-push-")) return { ...base, ...PUSH };
  if (file.startsWith("req-http-")) return { ...base, ...POSTED };
  if (file.startsWith("req-v0-")) {
    return { ...base, read: readUploadConversation, encode: rewriteUploadConversation };
  }
  // Between commands a connection may end.
  if (file.startsWith("req-v2-")) {
    return { ...base, read: readCommands, encode: rewriteCommands, mayEndEarly: true };
  }
  if (file === "req-ssh.bin") return { ...base, ...SSH };
  return { ...base, ...DAEMON };
}

const PUSH: Pick<Recording, "read" | "encode" | "mayEndEarly"> = {
  read: () => {
    const decoder = new UpdateRequestDecoder();
    const behind: Uint8Array[] = [];
    let isPack = false;
    return {
      feed: (chunk) => {
        if (isPack) behind.push(chunk.slice());
        else if ((isPack = decoder.feed(chunk))) behind.push(decoder.rest().slice());
      },
      finish: () => `${formatUpdateRequest(decoder.finish())}\n${describePack(concat(...behind))}`.trim(),
    };
  },
  encode: (stream) => {
    const decoder = new UpdateRequestDecoder();
    decoder.feed(stream);
    const behind = decoder.rest();
    const head = encodeUpdateRequest(decoder.finish());
    return behind.length === 0 ? head : concat(head, rewritePack(behind, "sha1"));
  },
  // The pack is the caller's to read.
  mayEndEarly: true,
};

const POSTED: Pick<Recording, "read" | "encode" | "mayEndEarly"> = {
  read: () => shown(new HttpUploadRequestDecoder(), formatHttpUploadRequest),
  encode: (stream) => encodeHttpUploadRequest(decodeMessage(new HttpUploadRequestDecoder(), stream)),
  // A body may end behind its upload-request.
  mayEndEarly: true,
};

const SSH: Pick<Recording, "read" | "encode" | "mayEndEarly"> = {
  read: () => gathered((bytes) => formatSshCommand(decodeSshCommand(new TextDecoder().decode(bytes)))),
  encode: (stream) => {
    const { service, path } = decodeSshCommand(new TextDecoder().decode(stream));
    return encodeText(encodeSshCommand(service, path));
  },
  // A command line has no length of its own.
  mayEndEarly: true,
};

const DAEMON: Pick<Recording, "read" | "encode"> = {
  read: () => gathered((bytes) => formatDaemonRequest(decodeDaemonRequest(onlyPacket(bytes)))),
  encode: (stream) => encodeDaemonRequest(decodeDaemonRequest(onlyPacket(stream))),
};
