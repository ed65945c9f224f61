// A signed push: what is signed, byte for byte, and the certificate around it. Makes and checks no signature.

import { decodeText, encodeText } from "./byte-text.ts";
import { ProtocolError, type ProtocolErrorCode } from "./errors.ts";
import type { ObjectFormat } from "./object-id.ts";
import { isPushNonce } from "./push-nonce.ts";
import { commandLine, parseCommandLine, type RefUpdateCommand } from "./ref-update-command.ts";
import { urlWithoutCredentials } from "./url-without-credentials.ts";

/** What a pusher signs: gitprotocol-pack(5), "Push Certificate". */
export interface PushCertificateContent {
  /** Who signs and when: `Name <address> seconds +zone`, or a key's name in the place of name and address. */
  readonly pusher: string;
  /** Where the push went, without credentials: see `urlWithoutCredentials`. */
  readonly pushee?: string;
  /** The server's, from its capability `push-cert`. */
  readonly nonce?: string;
  /** The same as those of the update-request. */
  readonly pushOptions: readonly string[];
  readonly commands: readonly RefUpdateCommand[];
}

/** A certificate: gitprotocol-pack(5), "Push Certificate"; gitformat-signature(5). */
export interface PushCertificate extends PushCertificateContent {
  /** A detached signature of {@link encodePushCertificateContent}, armoured, in whole lines. */
  readonly signature: Uint8Array;
}

/** A certificate as it came. */
export interface ReceivedPushCertificate extends PushCertificate {
  /** What the signature is for, exactly; it may hold header lines that this package does not know. */
  readonly signedBytes: Uint8Array;
}

const VERSION_LINE = "certificate version 0.1";

// gitformat-signature(5).
const SIGNATURE_BEGINNINGS = [
  "-----BEGIN PGP SIGNATURE-----",
  "-----BEGIN PGP MESSAGE-----",
  "-----BEGIN SSH SIGNATURE-----",
  "-----BEGIN SIGNED MESSAGE-----",
] as const;

/**
 * The exact bytes to sign: gitprotocol-pack(5), "Push Certificate". A new array.
 *
 * @throws {ProtocolError} `CERTIFICATE_INVALID` for a part that would not be one line, or a pushee with credentials;
 * `NONCE_INVALID` for one that must not be signed; `REF_NAME_INVALID`, `OBJECT_ID_INVALID`.
 */
export function encodePushCertificateContent(
  content: PushCertificateContent,
  format: ObjectFormat,
): Uint8Array {
  const { pusher, pushee, nonce, pushOptions, commands } = content;
  if (pushee !== undefined && urlWithoutCredentials(pushee) !== pushee) {
    throw invalid("CERTIFICATE_INVALID", "sign", "a pushee with credentials");
  }
  if (nonce !== undefined && !isPushNonce(nonce)) {
    throw invalid("NONCE_INVALID", "sign", "a nonce that is none", encodeText(nonce));
  }
  const header = [
    VERSION_LINE,
    `pusher ${pusher}`,
    ...(pushee === undefined ? [] : [`pushee ${pushee}`]),
    ...(nonce === undefined ? [] : [`nonce ${nonce}`]),
    ...pushOptions.map((option) => `push-option ${option}`),
  ];
  if (pusher === "" || header.some((line) => /[\0\n]/.test(line))) {
    throw invalid("CERTIFICATE_INVALID", "sign", "a part that is not one line");
  }
  const lines = [...header, "", ...commands.map((command) => commandLine(command, format))];
  return encodeText(lines.map((line) => `${line}\n`).join(""));
}

/**
 * A certificate as git stores it: the signed bytes, then the signature. Source: gitprotocol-pack(5), "Push
 * Certificate". A new array.
 *
 * @throws {ProtocolError} as {@link encodePushCertificateContent}; `CERTIFICATE_INVALID` for a signature that is not
 * armoured or whose last line has no LF.
 */
export function encodePushCertificate(certificate: PushCertificate, format: ObjectFormat): Uint8Array {
  const { signature } = certificate;
  if (signatureStart(signature) !== 0 || signature.at(-1) !== 0x0a) {
    throw invalid("CERTIFICATE_INVALID", "write", "a signature that git would not find", signature);
  }
  const content = encodePushCertificateContent(certificate, format);
  const bytes = new Uint8Array(content.length + signature.length);
  bytes.set(content);
  bytes.set(signature, content.length);
  return bytes;
}

/**
 * Read a certificate: the lines of the wire, or the blob that git stored. Source: gitprotocol-pack(5), "Push
 * Certificate". Unknown header lines are ignored. Keeps copies.
 *
 * @throws {ProtocolError} `CERTIFICATE_INVALID`; `REQUEST_INVALID`, `OBJECT_ID_INVALID` or `REF_NAME_INVALID` for a
 * command.
 */
export function decodePushCertificate(bytes: Uint8Array, format: ObjectFormat): ReceivedPushCertificate {
  const start = signatureStart(bytes);
  if (start === undefined) throw invalid("CERTIFICATE_INVALID", "read", "no signature", bytes);
  const signedBytes = bytes.slice(0, start);
  const text = decodeText(signedBytes);
  const blank = text.indexOf("\n\n");
  if (blank === -1 || !text.endsWith("\n")) {
    throw invalid("CERTIFICATE_INVALID", "read", "no end of its header", bytes);
  }
  const [version, ...header] = text.slice(0, blank).split("\n");
  const values = (key: string): string[] =>
    header.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const [pusher] = values("pusher");
  if (version !== VERSION_LINE || pusher === undefined) {
    throw invalid("CERTIFICATE_INVALID", "read", "no version 0.1 with a pusher", bytes);
  }
  const [pushee] = values("pushee");
  const [nonce] = values("nonce");
  const lines = text
    .slice(blank + 2)
    .split("\n")
    .slice(0, -1);
  return {
    pusher,
    ...(pushee === undefined ? {} : { pushee }),
    ...(nonce === undefined ? {} : { nonce }),
    pushOptions: values("push-option"),
    commands: lines.map((line) => parseCommandLine(line, format)),
    signature: bytes.slice(start),
    signedBytes,
  };
}

const byteDecoder = new TextDecoder("latin1");

/** Where the last line starts that begins a signature, as git looks for it. */
function signatureStart(bytes: Uint8Array): number | undefined {
  const text = `\n${byteDecoder.decode(bytes)}`;
  const start = Math.max(...SIGNATURE_BEGINNINGS.map((beginning) => text.lastIndexOf(`\n${beginning}`)));
  return start === -1 ? undefined : start;
}

function invalid(
  code: ProtocolErrorCode,
  action: "read" | "sign" | "write",
  found: string,
  excerpt?: Uint8Array,
): ProtocolError {
  return new ProtocolError(code, `Cannot ${action} push certificate: found ${found}`, {
    phase: "push-certificate",
    ...(excerpt === undefined ? {} : { excerpt }),
  });
}
