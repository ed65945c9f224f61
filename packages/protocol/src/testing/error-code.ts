import { ProtocolError } from "../errors.ts";

/** The code of the `ProtocolError` that an action ends in, or `ok`. Other errors come out. */
export function errorCode(action: () => unknown): string {
  try {
    action();
    return "ok";
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}
