// What inflating answers where it has no bytes to answer with: numbers, since millions of objects are asked for.

/** The stream goes on behind the bytes given. */
export const INFLATE_TRUNCATED = -1;
/** The bytes are no zlib stream, or their checksum is wrong. */
export const INFLATE_CORRUPT = -2;
/** The stream holds more or fewer bytes than was said. */
export const INFLATE_WRONG_SIZE = -3;
