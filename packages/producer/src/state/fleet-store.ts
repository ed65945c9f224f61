/**
 * What is known of the processes of a fleet: who lives, what it can do, and which of them does what only one may do.
 *
 * One seam, two implementations in the queue's own store, one conformance suite. Every method is one atomic step.
 * Times are whole milliseconds of the store's clock.
 */

/** How often a process says that it lives. */
export const BEAT_MS = 5_000;

/** A process that was silent for this long is taken to be gone. */
export const SILENT_MS = 15_000;

/** What a process says of itself. */
export interface ProcessBeat {
  readonly id: string;
  /** Runs at a time; 0 for a process that takes no jobs. */
  readonly capacity: number;
  /** Digest of its configuration; `undefined` for a process that has no say in what is configured. */
  readonly configHash: string | undefined;
}

export interface LiveProcess extends ProcessBeat {
  readonly beatAt: number;
}

/** A host that nobody may use now, as source or as target; or not with this credential. */
export interface HostBlock {
  readonly host: string;
  /** The only credential that is meant. */
  readonly credential?: string;
  readonly until: number;
  /** `rate-limited`: it asked for that. `unreachable`: it failed several times in a row. */
  readonly reason: "rate-limited" | "unreachable";
}

/**
 * One life of the store's server: it ends when the server is started anew after a crash, replaced by another one, or
 * emptied, and with some stores whenever it is started anew. What it took last may be forgotten then.
 */
export interface ServerLife {
  readonly id: string;
  /** Somebody said {@link FleetStore.settleServer} in this life. */
  readonly isSettled: boolean;
  /** The store does not know that anybody ever said so: it is new or was emptied, and its routes are new to it. */
  readonly isFirst: boolean;
}

export interface FleetStore {
  /** Say that a process lives. */
  beat(process: ProcessBeat): Promise<void>;
  /** A process ends in good order. */
  leave(id: string): Promise<void>;
  /** Every process that was heard of within {@link SILENT_MS}, in order of their ids. */
  processes(): Promise<readonly LiveProcess[]>;

  /** In order of the names that they are stored by. */
  hostBlocks(): Promise<readonly HostBlock[]>;
  /** Runs of live workers by the hosts that they use. */
  hostsInFlight(): Promise<ReadonlyMap<string, number>>;

  /** By credential, what its secret was last seen by; see whoever writes them. */
  secretMarks(): Promise<ReadonlyMap<string, string>>;
  setSecretMark(credential: string, mark: string): Promise<void>;

  /** The life that the server is in; `undefined` when it does not say. */
  serverLife(): Promise<ServerLife | undefined>;
  /** What may have been forgotten before this life has been seen to. */
  settleServer(id: string): Promise<void>;

  /** Take a lease, or renew the own one. @returns false while somebody else holds it. */
  takeLease(name: string, holder: string, ms: number): Promise<boolean>;
  /** Give the own lease back. */
  dropLease(name: string, holder: string): Promise<void>;
}
