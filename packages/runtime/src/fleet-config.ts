/** What the mirrors file settles, as this version knows it. */

export const EGRESS_SCHEMES = ["https", "http", "ssh", "git", "file"] as const;
export type EgressScheme = (typeof EGRESS_SCHEMES)[number];

/** A network that may be reached although its addresses are not public. */
export interface AllowedNetwork {
  /** `10.0.0.0/8`, `fd00::/8`. */
  readonly cidr: string;
  /** Only these ports; `undefined` means every port. */
  readonly ports: readonly number[] | undefined;
}

/** Where worker and gateway may connect to. Public addresses need no permission, everything else does. */
export interface EgressConfig {
  readonly allow: readonly AllowedNetwork[];
  readonly schemes: readonly EgressScheme[];
  /** Absolute folders below which local repositories may be read and written. */
  readonly paths: readonly string[];
  readonly proxy: null;
  readonly caFile: null;
}

export interface FleetConfig {
  readonly egress: EgressConfig;
  /** May the API start syncs of endpoints that are not in the file? */
  readonly adhoc: boolean;
}

/** Without a file: public addresses over https and ssh, no local paths, no ad-hoc syncs through the API. */
export const DEFAULT_FLEET_CONFIG: FleetConfig = Object.freeze({
  egress: Object.freeze({
    allow: [],
    schemes: ["https", "ssh"] satisfies EgressScheme[],
    paths: [],
    proxy: null,
    caFile: null,
  }),
  adhoc: false,
});
