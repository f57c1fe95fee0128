/** Decodes the text in bytes [start, end). Bytes that mean nothing in the character set become U+FFFD. */
export type BytesReader = (bytes: Buffer, start: number, end: number) => string
