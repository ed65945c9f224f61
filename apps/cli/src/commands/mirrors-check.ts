/**
 * `git-sync mirrors check`: is the configuration right, and would the fleet get in everywhere? Asks as a worker
 * would: the same addresses, the same credentials, the same permissions. Changes nothing anywhere.
 */

import {
  createHttpClient,
  type AuthProvider,
  type Client,
  type Endpoint,
  type EndpointRole,
} from "@gitsync/engine";
import { configuredRoutes, loadConfig, type ConfiguredRoute, type FleetConfig } from "@gitsync/runtime";
import type { FleetCredentials } from "@gitsync/worker";
import { hostOf } from "@gitsync/jobs";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { accessNeeds } from "../output/access-needs.ts";
import { failureOf, type Failure } from "../output/failure.ts";
import { reportJson } from "../output/report.ts";
import { createFleetClient, egressPolicyOf } from "../settings/engine-client.ts";
import { unreadableSecrets } from "../settings/named-secrets.ts";
import { openFleetIdentity } from "../settings/fleet-identity.ts";
import { readSettings, type Settings } from "../settings/settings.ts";

/** Repositories that are asked at the same time. */
const AT_A_TIME = 8;
/** Routes that are named with a repository in text; `--json` names all. */
const NAMED_ROUTES = 5;

/** A repository in one role, with whoever asks. Several routes may share it. */
interface Repository {
  readonly role: EndpointRole;
  readonly endpoint: Endpoint;
  readonly credential: string | undefined;
  readonly routes: readonly string[];
}

/** A repository that was asked. */
interface Answer extends Repository {
  /** What is wrong; `undefined` when the fleet can use it. */
  readonly failure: Failure | undefined;
  /** What the credential, or the missing one, would have to be allowed. */
  readonly needs: string | undefined;
}

export async function checkMirrors(context: CommandContext): Promise<ExitStatus> {
  const { flags, terminal, command } = context;
  const settings = await readSettings(context);
  const file = flags.config ?? settings.environment.configFile;
  if (file === undefined) {
    throw new CliError("USAGE", "mirrors check needs --config FILE or GITSYNC_CONFIG", {
      command: command.name,
    });
  }
  const { config, files } = await loadConfig(file);
  const routes = configuredRoutes(config);
  const summary = `${counted(config.mirrors.length, "mirror")}, ${counted(routes.length, "route")}`;
  if (!flags.json) terminal.result(`${file}: ${summary}, no faults\n`);
  const answers = flags.offline ? [] : await askAll(context, settings, config, repositoriesOf(routes));
  const { secrets } = settings;
  const unreadable = flags.offline ? [] : await unreadableSecrets(config, { env: context.env, secrets });
  const failed = answers.filter(({ failure }) => failure !== undefined);
  if (flags.json) {
    reportJson(terminal, {
      files,
      mirrors: config.mirrors.length,
      routes: routes.map(({ definition }) => definition.id),
      hash: config.hash,
      ...(flags.offline ? {} : { repositories: answers.map(documentOf), unreadableSecrets: unreadable }),
    });
  } else if (!flags.offline) {
    for (const answer of failed) terminal.result(failureText(answer));
    for (const { key, error } of unreadable) {
      terminal.result(`secret ${key} [${error.code}]\n  ${error.message}\n`);
    }
    const usable = answers.length - failed.length;
    terminal.result(`${usable} of ${counted(answers.length, "repository", "repositories")} can be used\n`);
  }
  return failed.length + unreadable.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Each repository once for each role and credential, in the order of the routes. */
function repositoriesOf(routes: readonly ConfiguredRoute[]): readonly Repository[] {
  const sides = routes.flatMap(({ definition }) => [
    side(definition.id, "source", definition.source, definition.sourceCredential),
    side(definition.id, "target", definition.target, definition.targetCredential),
  ]);
  const groups = Map.groupBy(sides, ({ role, endpoint, credential }) =>
    JSON.stringify([role, endpoint, credential]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ ...first, routes: group.flatMap((each) => each.routes) }];
  });
}

function side(
  route: string,
  role: EndpointRole,
  endpoint: Endpoint,
  credential: string | undefined,
): Repository {
  return { role, endpoint, credential, routes: [route] };
}

async function askAll(
  { env, signal, terminal }: CommandContext,
  { secrets, environment }: Settings,
  config: FleetConfig,
  repositories: readonly Repository[],
): Promise<readonly Answer[]> {
  const http = createHttpClient({ egress: egressPolicyOf(config.egress) });
  const identity = await openFleetIdentity(() => config, { env, secrets, http });
  const client = createFleetClient(config.egress, env, environment);
  const answers: Answer[] = [];
  let done = 0;
  const queue = repositories.entries();
  const askInTurn = async (): Promise<void> => {
    for (const [index, repository] of queue) {
      const failure = await ask(client, identity.credentials, repository, signal);
      answers[index] = { ...repository, failure, needs: failure && needsOf(config, repository, failure) };
      done += 1;
      terminal.live(`${done} of ${repositories.length} asked`);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, askInTurn));
  } finally {
    terminal.live("");
    await Promise.all([client.close(), identity.close()]);
  }
  return answers;
}

function needsOf(
  config: FleetConfig,
  { role, endpoint, credential }: Repository,
  { code }: Failure,
): string | undefined {
  const type = credential === undefined ? undefined : config.credentials.get(credential)?.type;
  return accessNeeds(code, hostOf(endpoint.url).replace(/:\d+$/u, ""), role, type);
}

/**
 * A source is listed as for a fetch. A target is listed as for a fetch and as for a push: a token that may only
 * read fails at the second.
 */
async function ask(
  client: Client,
  credentials: FleetCredentials,
  { role, endpoint, credential }: Repository,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const names =
    credential === undefined ? {} : { sourceCredential: credential, targetCredential: credential };
  const provider = credentials.forRoute(names);
  const auth: AuthProvider = {
    authFor: (asked, _role, ...more) => provider.authFor(asked, role, ...more),
  };
  const request = role === "source" ? { source: endpoint } : { source: endpoint, target: endpoint };
  try {
    await client.probe(request, { signal, auth });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error);
  }
}

function documentOf({ role, endpoint, credential, routes, failure, needs }: Answer): object {
  return {
    role,
    url: endpoint.url,
    ...(credential === undefined ? {} : { credential }),
    routes,
    usable: failure === undefined,
    ...(failure === undefined ? {} : { error: failure }),
    ...(needs === undefined ? {} : { needs }),
  };
}

function failureText({ role, endpoint, credential, routes, failure, needs }: Answer): string {
  if (failure === undefined) return "";
  const shown = credential === undefined ? "without a credential" : `with credential ${credential}`;
  return [
    `${role} ${endpoint.url} ${shown} [${failure.code}]`,
    `  ${failure.message}`,
    ...(failure.remedy === "" ? [] : [`  ${failure.remedy}`]),
    ...(needs === undefined ? [] : [`  ${needs}`]),
    `  of ${named(routes)}`,
    "",
  ].join("\n");
}

function named(routes: readonly string[]): string {
  const more = routes.length - NAMED_ROUTES;
  return `${routes.slice(0, NAMED_ROUTES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
