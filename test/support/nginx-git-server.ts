/**
 * Real git over HTTP as operators run it: nginx in front of `git http-backend` through fcgiwrap.
 *
 * Uploads and downloads stream (no buffering in nginx), pushes may be chunked, and protocol v2 passes.
 * Runs as whoever started it, root or not.
 */

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import { requireCommand } from "./commands.ts";
import { freePort, hostIn } from "./free-port.ts";
import { git, GIT_ENVIRONMENT } from "./git.ts";
import { startProcess } from "./process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface NginxGitServerOptions {
  /** The folder whose bare repositories are served: `<root>/a.git` is `<url>/a.git`. */
  readonly root: string;
  /** Allow pushes. Default: true. */
  readonly receivePack?: boolean;
  /** Ask for a user name and password: for everything, or for pushes only. */
  readonly auth?: { readonly username: string; readonly password: string; readonly for?: "all" | "push" };
  /** nginx's `client_max_body_size`; larger requests get 413. Default: no limit. */
  readonly clientMaxBodySize?: string;
  /** Configuration of git for every repository: `key` to value. */
  readonly config?: Readonly<Record<string, string>>;
  /** Default: the loopback address of IPv4. */
  readonly address?: "127.0.0.1" | "::1";
  /** Requests that are served at a time. Default: 6. */
  readonly workers?: number;
  /** Also over TLS, with this certificate. */
  readonly tls?: Certificates;
  /** Only those whose certificate this authority signed may connect over TLS: a PEM file. */
  readonly clientAuthority?: string;
}

/** One line of nginx's access log. */
export interface LoggedRequest {
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  /** Request line, headers and body. */
  readonly requestBytes: number;
  /** Body only. */
  readonly responseBytes: number;
  readonly seconds: number;
  readonly gitProtocol: string;
  readonly userAgent: string;
  readonly user: string;
  /** Empty when the body was chunked or there was none. */
  readonly contentLength: string;
  readonly contentEncoding: string;
  /** Requests with the same number came over the same connection. */
  readonly connection: number;
}

export interface NginxGitServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, no slash at the end. */
  readonly url: string;
  readonly port: number;
  /** `https://127.0.0.1:<port>`, with {@link NginxGitServerOptions.tls}. */
  readonly tlsUrl: string;
  readonly tlsPort: number;
  /** Requests that have been answered, oldest first. */
  requests(): Promise<readonly LoggedRequest[]>;
  /** Forget the requests so far. */
  forgetRequests(): Promise<void>;
  /** What nginx complained about. */
  errors(): Promise<string>;
  /** From now on connections are taken and nothing is read or written. */
  pause(): void;
  /** Go on where {@link NginxGitServer.pause} stopped. */
  resume(): void;
}

/** Start nginx and fcgiwrap on a free port of the loopback address. */
export async function startNginxGitServer(options: NginxGitServerOptions): Promise<NginxGitServer> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("nginx"));
  const [port, tlsPort] = [await freePort(), await freePort()];
  const socket = folder.join("cgi.sock");
  const configuration = folder.join("nginx.conf");
  const backend = join(await git(["--exec-path"]), "git-http-backend");
  await mkdir(folder.join("tmp"));
  if (options.auth) {
    await writeFile(folder.join("users"), `${options.auth.username}:{PLAIN}${options.auth.password}\n`);
  }
  await writeFile(
    configuration,
    nginxConfiguration({ ...options, folder: folder.path, port, tlsPort, socket, backend }),
  );
  const workers = String(options.workers ?? 6);
  stack.use(
    startProcess(requireCommand("fcgiwrap"), ["-f", "-c", workers, "-s", `unix:${socket}`], {
      env: GIT_ENVIRONMENT,
    }),
  );
  const nginx = stack.use(
    startProcess(requireCommand("nginx"), [
      "-p",
      folder.path,
      "-c",
      configuration,
      "-e",
      folder.join("error.log"),
    ]),
  );
  const host = hostIn(options.address ?? "127.0.0.1");
  const url = `http://${host}:${port}`;
  let seen = 0;
  const logged = async (): Promise<LoggedRequest[]> => {
    // The one worker process logs a request before it takes the next: this one brings the log up to date.
    await answered(`${url}/-/mark`);
    const text = await readFile(folder.join("access.log"), "utf8");
    const entries: (LoggedRequest & { uri: string })[] = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    return entries.filter(({ uri }) => !uri.startsWith("/-/"));
  };
  await untilUp(`${url}/-/up`, socket, () => nginx.output.stderr);
  const owned = stack.move();
  return {
    url,
    port,
    tlsUrl: `https://${host}:${tlsPort}`,
    tlsPort,
    requests: async () => (await logged()).slice(seen),
    forgetRequests: async () => {
      seen = (await logged()).length;
    },
    errors: () => readFile(folder.join("error.log"), "utf8"),
    // The process that answers is a child of the one that was started.
    pause: () => void process.kill(-nginx.pid, "SIGSTOP"),
    resume: () => void process.kill(-nginx.pid, "SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      process.kill(-nginx.pid, "SIGCONT");
      await owned.disposeAsync();
    },
  };
}

interface Configuration extends NginxGitServerOptions {
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly socket: string;
  readonly backend: string;
}

function nginxConfiguration(options: Configuration): string {
  const { auth, receivePack = true, config = {} } = options;
  const settings = Object.entries(config).map(([key, value]) => `'${key}'='${value}'`);
  const login = `auth_basic git; auth_basic_user_file ${options.folder}/users;`;
  const pushing = "$request_method$arg_service$uri";
  const user = auth === undefined ? "git-sync" : "$remote_user";
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${options.folder}/nginx.pid;
error_log ${options.folder}/error.log warn;
events { worker_connections 512; }
http {
  log_format requests escape=json '{"method":"$request_method","uri":"$request_uri","status":$status,'
    '"requestBytes":$request_length,"responseBytes":$body_bytes_sent,"seconds":$request_time,'
    '"gitProtocol":"$http_git_protocol","userAgent":"$http_user_agent","user":"$remote_user",'
    '"contentLength":"$content_length","contentEncoding":"$http_content_encoding","connection":$connection}';
  access_log ${options.folder}/access.log requests;
  client_body_temp_path ${options.folder}/tmp/body;
  fastcgi_temp_path ${options.folder}/tmp/fastcgi;
  proxy_temp_path ${options.folder}/tmp/proxy;
  uwsgi_temp_path ${options.folder}/tmp/uwsgi;
  scgi_temp_path ${options.folder}/tmp/scgi;
  map ${pushing} $pushing_realm {
    default ${auth?.for === "push" ? "off" : "git"};
    ~git-receive-pack git;
  }
  server {
    listen ${hostIn(options.address ?? "127.0.0.1")}:${options.port};
    ${tlsDirectives(options)}
    client_max_body_size ${options.clientMaxBodySize ?? "0"};
    client_body_timeout 600s;
    location /-/ { return 204; }
    location / {
      ${auth === undefined ? "" : login.replace("auth_basic git", "auth_basic $pushing_realm")}
      fastcgi_pass unix:${options.socket};
      fastcgi_request_buffering off;
      fastcgi_buffer_size 64k;
      fastcgi_buffers 16 64k;
      fastcgi_max_temp_file_size 0;
      fastcgi_read_timeout 3600s;
      fastcgi_send_timeout 3600s;
      fastcgi_param SCRIPT_FILENAME ${options.backend};
      fastcgi_param GIT_PROJECT_ROOT ${options.root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_ADDR $remote_addr;
      ${settings.length === 0 ? "" : `fastcgi_param GIT_CONFIG_PARAMETERS "${settings.join(" ")}";`}
      ${receivePack ? `fastcgi_param REMOTE_USER ${user};` : ""}
    }
  }
}
`;
}

function tlsDirectives({ tls, tlsPort, clientAuthority }: Configuration): string {
  if (tls === undefined) return "";
  const client =
    clientAuthority === undefined ? "" : `ssl_client_certificate ${clientAuthority}; ssl_verify_client on;`;
  return `listen 127.0.0.1:${tlsPort} ssl; ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key}; ${client}`;
}

async function answered(url: string): Promise<void> {
  const response = await fetch(url);
  await response.arrayBuffer();
}

/** Resolves when both servers take connections. */
async function untilUp(url: string, socket: string, complaint: () => string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    if (
      existsSync(socket) &&
      (await answered(url).then(
        () => true,
        () => false,
      ))
    )
      return;
    if (Date.now() > deadline) throw new Error(`nginx does not answer: ${complaint()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
