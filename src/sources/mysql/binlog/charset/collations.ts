import type { BytesReader } from './text-decoder.ts'
import { type Charset, decoderOfCharset } from './charsets.ts'

/**
 * Collation ids of each character set, as INFORMATION_SCHEMA.COLLATIONS of MySQL 9.7 and MariaDB 11.8 list them.
 * Ids never change their meaning; new ones are only added.
 */
const COLLATIONS: { readonly [name in Charset]: string } = {
  big5: '1 84',
  latin2: '2 9 21 27 77',
  dec8: '3 69',
  cp850: '4 80',
  latin1: '5 8 15 31 47-49 94',
  hp8: '6 72',
  koi8r: '7 74',
  swe7: '10 82',
  ascii: '11 65',
  ujis: '12 91',
  sjis: '13 88',
  cp1251: '14 23 50-52',
  hebrew: '16 71',
  tis620: '18 89',
  euckr: '19 85',
  latin7: '20 41-42 79',
  koi8u: '22 75',
  gb2312: '24 86',
  greek: '25 70',
  cp1250: '26 34 44 66 99',
  gbk: '28 87',
  cp1257: '29 58-59',
  latin5: '30 78',
  armscii8: '32 64',
  utf8mb3: '17 33 76 83 192-215 223 576-607',
  ucs2: '35 90 128-151 159 640-671',
  cp866: '36 68',
  keybcs2: '37 73',
  macce: '38 43',
  macroman: '39 53',
  cp852: '40 81',
  utf8mb4: '45-46 224-247 255-323 608-639',
  utf16: '54-55 101-124 672-703',
  utf16le: '56 62',
  cp1256: '57 67',
  utf32: '60-61 160-183 736-767',
  binary: '63',
  geostd8: '92-93',
  cp932: '95-96',
  eucjpms: '97-98',
  gb18030: '248-250',
}

/** MariaDB: the same collation without padding has the id of the padding one plus this. */
const NO_PAD_OFFSET = 1024
/** MariaDB's UCA 14.0.0 collations: 256 ids for each of these character sets (sql/ include/m_ctype.h, uca1400). */
const UCA_1400_FIRST = 2048
const UCA_1400_BLOCK = 256
const UCA_1400_CHARSETS: readonly Charset[] = ['utf8mb3', 'utf8mb4', 'ucs2', 'utf16', 'utf32']

const charsetById = listCharsets()

function listCharsets(): Map<number, Charset> {
  const charsets = new Map<number, Charset>()
  for (const [name, ids] of Object.entries(COLLATIONS) as [Charset, string][]) {
    for (const range of ids.split(' ')) {
      const [first, last = first] = range.split('-').map(Number)
      for (let id = first!; id <= last!; id++) charsets.set(id, name)
    }
  }
  return charsets
}

/** Character set of a collation id; undefined for an id that neither server is known to use. */
export function charsetOfCollation(id: number): Charset | undefined {
  if (id >= UCA_1400_FIRST) return UCA_1400_CHARSETS[Math.floor((id - UCA_1400_FIRST) / UCA_1400_BLOCK)]
  return charsetById.get(id) ?? (id > NO_PAD_OFFSET ? charsetById.get(id - NO_PAD_OFFSET) : undefined)
}

/** Decoder of a collation's texts. Collations newer than this list are utf8mb4: servers have added no others in years. */
export function decoderOfCollation(id: number): BytesReader {
  return decoderOfCharset(charsetOfCollation(id) ?? 'utf8mb4')
}
