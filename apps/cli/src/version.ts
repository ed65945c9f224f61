/** The version of the command line, as its package states it. */

/** Kept equal to package.json by a test. */
export const VERSION = "0.1.0";
