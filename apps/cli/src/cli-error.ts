/** A command line that cannot be obeyed: what is wrong, and the command whose usage helps. */

/** `USAGE`: flags, commands, positionals. `JOB_NOT_FOUND`, `MIRROR_NOT_FOUND`: no such thing on this queue. */
export type CliErrorCode = "USAGE" | "JOB_NOT_FOUND" | "MIRROR_NOT_FOUND";

const REMEDIES: Readonly<Record<CliErrorCode, string>> = {
  USAGE: "see the usage below, or git-sync --help",
  JOB_NOT_FOUND: "list what there is with git-sync jobs",
  MIRROR_NOT_FOUND: "list what there is with git-sync mirrors list",
};

export interface CliErrorOptions {
  /** Replaces the remedy of the code. */
  readonly remedy?: string;
  /** The command that was being parsed; its usage is printed below the error. */
  readonly command?: string;
}

/** Never holds the value of a flag that may be a secret. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: CliErrorCode;
  readonly remedy: string;
  readonly command: string | undefined;

  constructor(code: CliErrorCode, message: string, options: CliErrorOptions = {}) {
    super(message);
    this.code = code;
    this.remedy = options.remedy ?? REMEDIES[code];
    this.command = options.command;
  }
}
