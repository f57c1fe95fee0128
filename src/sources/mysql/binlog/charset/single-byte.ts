import iconv from 'iconv-lite'
import { SINGLE_BYTE_RUNS } from './own-tables.ts'
import type { BytesReader } from './text-decoder.ts'

/** Names in iconv-lite of those single-byte character sets that it has. */
const ICONV_NAMES: { readonly [charset: string]: string } = {
  cp850: 'cp850',
  cp852: 'cp852',
  cp866: 'cp866',
  cp1250: 'cp1250',
  cp1251: 'cp1251',
  cp1256: 'cp1256',
  cp1257: 'cp1257',
  greek: 'iso88597',
  hebrew: 'iso88598',
  koi8r: 'koi8r',
  koi8u: 'koi8u',
  latin1: 'cp1252',
  latin2: 'iso88592',
  latin5: 'iso88599',
  latin7: 'iso885913',
  macce: 'maccenteuro',
  macroman: 'macroman',
  tis620: 'tis620',
}

const REPLACEMENT = 0xfffd

/** Decoder by a table of 256 characters, each one UTF-16 unit. Goes through UTF-16 bytes: no string per character. */
export function singleByteDecoder(charset: string): BytesReader {
  const table = tableOf(charset)
  return (bytes, start, end) => {
    const units = Buffer.allocUnsafe(2 * (end - start))
    for (let at = start, to = 0; at < end; at++, to += 2) {
      const unit = table[bytes[at]!]!
      units[to] = unit & 255
      units[to + 1] = unit >> 8
    }
    return units.toString('utf16le')
  }
}

function tableOf(charset: string): Uint16Array {
  const name = ICONV_NAMES[charset]
  const table = Uint16Array.from({ length: 256 }, (_, byte) => unitOf(byte, name))
  for (const [first, characters] of SINGLE_BYTE_RUNS[charset] ?? []) {
    for (let i = 0; i < characters.length; i++) table[first + i] = characters.charCodeAt(i)
  }
  return table
}

/** Control codes (below 160) that a set gives no other meaning stand for themselves, as the server has them. */
function unitOf(byte: number, name: string | undefined): number {
  const known = byte < 128 || name === undefined ? REPLACEMENT : iconv.decode(Buffer.of(byte), name).charCodeAt(0)
  return known === REPLACEMENT && byte < 160 ? byte : known
}
