/** Where the embedded server keeps what in its directory. */

import { createHash } from "node:crypto";
import { join } from "node:path";

/** The port is part of the socket's file name only; nothing listens on the network. */
export const SERVER_PORT = 5432;
export const SERVER_USER = "gitsync";
export const SERVER_DATABASE = "postgres";

/** The shortest `sun_path` of the supported systems is macOS' 104 bytes, one of them the final NUL. */
const MAX_SOCKET_PATH_BYTES = 103;

export interface EmbeddedLayout {
  /** The directory itself, absolute and without symbolic links. */
  readonly directory: string;
  /** PostgreSQL's data directory; owned by the account that the server runs as. */
  readonly data: string;
  /** The server's password, readable by its owner only. */
  readonly passwordFile: string;
  /** Locked by the one supervisor of this directory, for as long as it lives. */
  readonly lockFile: string;
  /** What supervisor and server had to say; bounded. */
  readonly logFile: string;
  /** Holds the sockets. */
  readonly runDirectory: string;
  /** An open connection to this socket is what keeps the server running. */
  readonly supervisorSocket: string;
  /** PostgreSQL's `unix_socket_directories`. */
  readonly serverSocketDirectory: string;
}

/** The layout of a directory that exists; `uid` tells accounts apart where sockets cannot lie in the directory. */
export function embeddedLayout(directory: string, uid: number): EmbeddedLayout {
  const inside = join(directory, "run");
  const longest = join(inside, "server", `.s.PGSQL.${SERVER_PORT}.lock`);
  const digest = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  const runDirectory =
    Buffer.byteLength(longest) <= MAX_SOCKET_PATH_BYTES ? inside : `/tmp/git-sync-${uid}-${digest}`;
  return {
    directory,
    data: join(directory, "postgres"),
    passwordFile: join(directory, "password"),
    lockFile: join(directory, "supervisor.lock"),
    logFile: join(directory, "supervisor.log"),
    runDirectory,
    supervisorSocket: join(runDirectory, "supervisor.sock"),
    serverSocketDirectory: join(runDirectory, "server"),
  };
}
