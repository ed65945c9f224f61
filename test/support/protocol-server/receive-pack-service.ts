/** Takes pushes into a repository in memory: objects first into quarantine, then refs, all of it or nothing. */

import {
  type CommandStatus,
  type DecodedUpdateRequest,
  encodeServiceHeader,
  type ObjectId,
  ProtocolError,
  readPackObjects,
  receivePackCapabilities,
  ReceivePackServer,
} from "@gitsync/protocol";
import type { Conversation } from "./conversation.ts";
import { missingLinks } from "./connectivity.ts";
import { ObjectStore } from "./object-store.ts";
import { PackIntake } from "./pack-intake.ts";
import { newIdOf, updateRefs } from "./ref-updates.ts";
import type { ServedRepository } from "./served-repository.ts";
import { AGENT } from "./service-options.ts";

/** Serves one connection, or one HTTP request. */
export class ReceivePackService {
  readonly #repository: ServedRepository;
  readonly #conversation: Conversation;
  readonly #server: ReceivePackServer;
  readonly #intake: PackIntake;
  #update: DecodedUpdateRequest | undefined;

  constructor(repository: ServedRepository, conversation: Conversation) {
    const { version, transport, service } = conversation.topic;
    const { capabilities, limits = {} } = conversation.options;
    const { policy, format: objectFormat } = repository;
    const offered = receivePackCapabilities({ ...policy, objectFormat, agent: AGENT });
    this.#repository = repository;
    this.#conversation = conversation;
    this.#intake = new PackIntake(objectFormat);
    this.#server = new ReceivePackServer({
      // There is no push in v2: who asks for it is answered in v0.
      version: version === 2 ? 0 : version,
      transport,
      objectFormat,
      capabilities: capabilities?.(service, offered) ?? offered,
      limits,
    });
  }

  /** Say what is here. */
  async advertise(): Promise<void> {
    const repository = this.#repository;
    const bytes = this.#server.advertise({ refs: repository.listing(), shallow: [...repository.shallow] });
    const isHttp = this.#conversation.topic.transport === "stateless";
    const header = isHttp ? encodeServiceHeader("git-receive-pack") : new Uint8Array(0);
    await this.#conversation.send("advertisement", Buffer.concat([header, bytes]));
  }

  /** Take the push, and report. Nothing is kept of a push that ends in the middle. */
  async serve(): Promise<void> {
    try {
      if (await this.#receive()) await this.#finish();
      else this.#server.end();
    } catch (error) {
      if (!(error instanceof ProtocolError) || this.#server.state === "done") throw error;
      await this.#conversation.send("error", this.#server.refuse(error.message));
    }
  }

  /** @returns whether a whole push is in. */
  async #receive(): Promise<boolean> {
    for await (const chunk of this.#conversation.input) {
      for (const request of this.#server.feed(chunk)) {
        this.#conversation.record(request);
        if (request.type === "update") this.#update = request.update;
        // What cannot be a pack is answered as soon as that is known.
        else if (this.#feedPack(request.data) !== "more") return true;
      }
      if (this.#server.state === "report") return true;
      if (this.#server.state === "done") return false;
    }
    // Over HTTP the client still listens after its last byte.
    return this.#server.state === "pack" && this.#conversation.topic.transport === "stateless";
  }

  #feedPack(data: Uint8Array): "more" | "complete" | "broken" {
    try {
      return this.#intake.feed(data) ? "complete" : "more";
    } catch {
      return "broken"; // Reading it again tells why.
    }
  }

  async #finish(): Promise<void> {
    const update = this.#update;
    if (update === undefined) return;
    const needsPack = this.#server.state === "pack";
    const unpacked = needsPack ? this.#unpack() : new ObjectStore(this.#repository.format);
    if (unpacked instanceof ObjectStore) {
      await this.#conversation.send("report", this.#server.report(await this.#apply(update, unpacked)));
      return;
    }
    await this.#conversation.send("progress", this.#server.progress(`fatal: ${unpacked.message}\n`));
    const commands = update.commands.map(({ ref }): CommandStatus => ({
      type: "ng",
      ref,
      reason: "unpacker error",
    }));
    const report = this.#server.report({
      unpack: { ok: false, error: "unpack-objects abnormal exit" },
      commands,
    });
    await this.#conversation.send("report", report);
  }

  /** The objects of the pack, and of no other place; or why there are none. */
  #unpack(): ObjectStore | ProtocolError {
    const { objects, format, policy } = this.#repository;
    const quarantine = new ObjectStore(format);
    try {
      const findBase = policy.noThin === true ? undefined : (oid: ObjectId) => objects.get(oid);
      const pack = readPackObjects(this.#intake.take(), {
        format,
        ...(findBase === undefined ? {} : { findBase }),
      });
      for (const { type, data } of pack) quarantine.add(type, data);
      return quarantine;
    } catch (error) {
      if (error instanceof ProtocolError) return error;
      throw error;
    }
  }

  async #apply(
    update: DecodedUpdateRequest,
    quarantine: ObjectStore,
  ): Promise<{ readonly unpack: { readonly ok: true }; readonly commands: readonly CommandStatus[] }> {
    const { objects, shallow, format } = this.#repository;
    const { hooks } = this.#conversation.options;
    const verdict = hooks?.preReceive?.(update);
    await this.#say(verdict?.output ?? "");
    if (verdict?.refusal !== undefined) {
      const reason = verdict.refusal;
      return {
        unpack: { ok: true },
        commands: update.commands.map(({ ref }) => ({ type: "ng", ref, reason })),
      };
    }
    const tips = update.commands.map(newIdOf);
    const isWhole = missingLinks(objects, quarantine, tips, shallow).size === 0;
    // Of a pack with gaps nothing is kept: what is here must stay complete.
    if (isWhole) for (const [, { type, data }] of quarantine.entries()) objects.add(type, data);
    const missing = missingLinks(objects, new ObjectStore(format), tips, shallow);
    const outcome = updateRefs(this.#repository, update.commands, {
      atomic: update.capabilities.has("atomic"),
      missing,
      veto: (command) => hooks?.update?.(command),
    });
    await this.#say(outcome.complaints.join(""));
    await this.#say(hooks?.postReceive?.() ?? "");
    return { unpack: { ok: true }, commands: outcome.statuses };
  }

  async #say(text: string): Promise<void> {
    if (text !== "") await this.#conversation.send("progress", this.#server.progress(text));
  }
}
