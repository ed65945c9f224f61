// Numbers in the files beside a pack: gitformat-pack(5).

/** First four bytes of an index of version 2; one of version 1 has a fan-out there. */
export const INDEX_MAGIC = 0xff_74_4f_63;
/** 256 counts. */
export const FAN_OUT_LENGTH = 1024;
/** Magic, version, fan-out. */
export const INDEX_HEADER_LENGTH: number = 8 + FAN_OUT_LENGTH;
/** From this offset on, and as a mark, the high bit of 32. */
export const LARGE_OFFSET = 0x8000_0000;
/** `RIDX`. */
export const REVERSE_MAGIC = 0x52_49_44_58;
/** Magic, version, number of the hash. */
export const REVERSE_HEADER_LENGTH = 12;
