/** `git-sync hooks test`: deliver a push to a gateway as the forge would, signed with the configured secret. */

import {
  loadConfig,
  SecretReader,
  type FleetConfig,
  type MirrorConfig,
  type SecretReference,
  type WebhookProvider,
} from "@gitsync/runtime";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { reportJson } from "../output/report.ts";
import { readSettings } from "../settings/settings.ts";

/** What a test is made of. */
interface HookTest {
  readonly provider: WebhookProvider;
  /** Of the gateway. */
  readonly path: string;
  readonly repositoryId: string;
  readonly secret: SecretReference;
}

export async function testHook(context: CommandContext): Promise<ExitStatus> {
  const { flags, env, positionals, signal, terminal } = context;
  const { environment, secrets } = await readSettings(context);
  const file = flags.config ?? environment.configFile;
  if (file === undefined) throw usage(context, "hooks test needs --config FILE or GITSYNC_CONFIG");
  const id = positionals["id"];
  if (id === undefined) throw usage(context, "hooks test needs the ID of a mirror");
  const { config } = await loadConfig(file);
  const mirror = config.mirrors.find((each) => each.id === id);
  if (mirror === undefined) {
    throw new CliError("MIRROR_NOT_FOUND", `Cannot find the mirror ${JSON.stringify(id)} in ${file}`, {
      remedy: "name a mirror of that file",
    });
  }
  const hook = hookOf(context, config, mirror);
  const secret = await new SecretReader({ env, secrets }).read(hook.secret);
  const [{ sampleDelivery }, { createHttpClient }] = await Promise.all([
    import("@gitsync/gateway"),
    import("@gitsync/engine"),
  ]);
  const { headers, body } = sampleDelivery(hook.provider, hook.repositoryId, secret);
  const url = new URL(hook.path, gatewayOf(context)).href;
  const http = createHttpClient({ egress: { addresses: "any", schemes: ["http", "https"] } });
  try {
    const answer = await http.request({ method: "POST", url, headers, body, signal });
    const said = parsed(answer.body);
    if (flags.json) reportJson(terminal, { url, status: answer.status, answer: said });
    else terminal.result(`POST ${url}\n${answer.status} ${JSON.stringify(said)}\n`);
    return answer.status === 202 ? EXIT.ok : EXIT.failed;
  } finally {
    await http.close();
  }
}

/** The mirror's own address if it has one, else that of the one forge that is configured. */
function hookOf(context: CommandContext, { webhooks }: FleetConfig, mirror: MirrorConfig): HookTest {
  const { webhook, source } = mirror;
  if (webhook !== undefined) {
    const [secret] = webhook.secrets;
    const path = `/hooks/${webhook.provider}/${mirror.id}`;
    return { provider: webhook.provider, path, repositoryId: source.repositoryId ?? mirror.id, secret };
  }
  const providers = [...webhooks.keys()];
  const chosen = context.flags.provider ?? (providers.length === 1 ? providers[0] : undefined);
  const provider = providers.find((name) => name === chosen);
  const hook = provider && webhooks.get(provider);
  if (provider === undefined || hook === undefined) {
    const known =
      providers.length === 0 ? "no provider has secrets under webhooks" : `--provider ${providers.join("|")}`;
    throw usage(context, `cannot tell which forge delivers: ${known}`);
  }
  const [secret] = hook.secrets;
  const { repositoryId } = source;
  if (repositoryId !== undefined) return { provider, path: `/hooks/${provider}`, repositoryId, secret };
  return { provider, path: `/hooks/${provider}/${mirror.id}`, repositoryId: mirror.id, secret };
}

/** @throws {CliError} `USAGE`. */
function gatewayOf(context: CommandContext): string {
  const text = context.flags.gateway ?? "http://127.0.0.1:8080";
  if (/^https?:\/\//u.test(text) && URL.canParse(text) && new URL(text).username === "") return text;
  throw usage(context, "flag --gateway needs an http:// or https:// URL without credentials");
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body.slice(0, 500);
  }
}

function usage(context: CommandContext, message: string): CliError {
  return new CliError("USAGE", message, { command: context.command.name });
}
