// Halves of surrogate pairs become U+FFFD, as in UTF-8: nothing behind this (keys, JSON, databases) can hold them.
const REPLACEMENT = 0xfffd
const CHUNK_CHARACTERS = 4096
const utf16be = new TextDecoder('utf-16be', { ignoreBOM: true })

/** UTF-16 and UCS-2 of the server: big-endian, no byte order mark. */
export function decodeUtf16Be(bytes: Buffer, start: number, end: number): string {
  return utf16be.decode(bytes.subarray(start, end))
}

/** Half a unit at the end is left out. Node (24.21) writes one byte past its own memory where it is asked for that. */
export function decodeUtf16Le(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf16le', start, end - ((end - start) & 1)).toWellFormed()
}

/** UTF-32, big-endian. */
export function decodeUtf32(bytes: Buffer, start: number, end: number): string {
  let text = ''
  let codes: number[] = []
  for (let at = start; at + 4 <= end; at += 4) {
    const code = bytes.readUInt32BE(at)
    codes.push(code > 0x10_ffff ? REPLACEMENT : code)
    if (codes.length === CHUNK_CHARACTERS) {
      text += String.fromCodePoint(...codes)
      codes = []
    }
  }
  return (text + String.fromCodePoint(...codes)).toWellFormed()
}
