/** What keeps a gateway from starting: a closed list of codes. Requests are answered with problems instead. */

const CODES = {
  LISTEN_NEEDS_TOKEN: "set GITSYNC_API_TOKEN, or listen on 127.0.0.1 or ::1",
  LISTEN_INVALID: "give HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080",
  LISTEN_FAILED: "choose another address or port with GITSYNC_LISTEN or --listen",
  ROUTE_WITHOUT_ROLE: "declare config.role on the route",
} as const;

export type GatewayErrorCode = keyof typeof CODES;

/** A gateway that cannot be started as it is configured. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;
  readonly details: Readonly<Record<string, string>>;

  constructor(
    code: GatewayErrorCode,
    message: string,
    details: Readonly<Record<string, string>> = {},
    options: ErrorOptions = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** One line for the person who has to act. */
  get remedy(): string {
    return CODES[this.code];
  }
}
