// Where a push session stands. Types only.

import type { RefAdvertisement } from "../advertisement.ts";
import type { PushOutcome } from "./push-outcome.ts";

/** Where a `PushSession` stands, and what is known there. Tell them apart by `state`. */
export type PushStatus =
  /** The server is to speak. */
  | { readonly state: "advertisement" }
  /** The caller is to speak: `push` or `close`. */
  | { readonly state: "request"; readonly advertisement: RefAdvertisement }
  /** The caller sends its pack behind the commands, and reads what the server says meanwhile. */
  | { readonly state: "packfile"; readonly advertisement: RefAdvertisement }
  /** All is sent. */
  | { readonly state: "report"; readonly advertisement: RefAdvertisement }
  /** Without an outcome when the session was closed before it pushed. */
  | { readonly state: "done"; readonly advertisement: RefAdvertisement; readonly outcome?: PushOutcome }
  /**
   * What was thrown. The conversation is lost, and its connection with it. `outcome` is unknown once the commands
   * were handed out: the server may have carried them out all the same. Before, there is none.
   */
  | { readonly state: "failed"; readonly error: unknown; readonly outcome?: PushOutcome };

/** The names of the states. */
export type PushState = PushStatus["state"];
