import iconv from 'iconv-lite'
import { OWN_TABLES } from './own-tables.ts'
import type { BytesReader } from './text-decoder.ts'

/** Names in iconv-lite of those single-byte character sets that it maps as the server does. */
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

/** Decoder by a table of 256 characters. */
export function singleByteDecoder(charset: string): BytesReader {
  const table = tableOf(charset)
  return (bytes, start, end) => {
    let text = ''
    for (let at = start; at < end; at++) text += table[bytes[at]!]!
    return text
  }
}

/** The 256 characters of a single-byte character set; U+FFFD where it has none. */
function tableOf(charset: string): readonly string[] {
  const name = ICONV_NAMES[charset]
  const base = Array.from({ length: 256 }, (_, byte) => {
    if (byte < 128) return String.fromCharCode(byte)
    return name === undefined ? '\uFFFD' : iconv.decode(Buffer.of(byte), name)
  })
  for (const [first, characters] of OWN_TABLES[charset] ?? []) {
    for (const [i, character] of Array.from(characters).entries()) base[first + i] = character
  }
  return base
}
