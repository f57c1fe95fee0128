/** Default collation of each character set: enough to decode text where only the set is declared. */
const DEFAULT_COLLATIONS: { readonly [charset: string]: number } = {
  armscii8: 32,
  ascii: 11,
  big5: 1,
  binary: 63,
  cp1250: 26,
  cp1251: 51,
  cp1256: 57,
  cp1257: 59,
  cp850: 4,
  cp852: 40,
  cp866: 36,
  cp932: 95,
  dec8: 3,
  eucjpms: 97,
  euckr: 19,
  gb18030: 248,
  gb2312: 24,
  gbk: 28,
  geostd8: 92,
  greek: 25,
  hebrew: 16,
  hp8: 6,
  keybcs2: 37,
  koi8r: 7,
  koi8u: 22,
  latin1: 8,
  latin2: 9,
  latin5: 30,
  latin7: 41,
  macce: 38,
  macroman: 39,
  sjis: 13,
  swe7: 10,
  tis620: 18,
  ucs2: 35,
  ujis: 12,
  utf16: 54,
  utf16le: 56,
  utf32: 60,
  utf8: 33,
  utf8mb3: 33,
  utf8mb4: 45,
}

/** Longest character in bytes, where it is more than one. */
const WIDTHS: { readonly [charset: string]: number } = {
  big5: 2,
  cp932: 2,
  eucjpms: 3,
  euckr: 2,
  gb18030: 4,
  gb2312: 2,
  gbk: 2,
  sjis: 2,
  ucs2: 2,
  ujis: 3,
  utf16: 4,
  utf16le: 4,
  utf32: 4,
  utf8: 3,
  utf8mb3: 3,
  utf8mb4: 4,
}

/** Collation id that stands for a character set; 0 for an unknown one. */
export function defaultCollation(charset: string): number {
  return DEFAULT_COLLATIONS[charset.toLowerCase()] ?? 0
}

/** Bytes that one character of the set may take. */
export function characterWidth(charset: string): number {
  return WIDTHS[charset.toLowerCase()] ?? 1
}

/** A collation's name begins with its character set: `utf8mb4_0900_ai_ci`. */
export function charsetOf(collation: string): string {
  return collation.toLowerCase().split('_')[0]!
}
