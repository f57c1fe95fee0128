import { multiByteDecoder } from './multi-byte.ts'
import { singleByteDecoder } from './single-byte.ts'
import type { BytesReader } from './text-decoder.ts'
import { decodeUtf16Be, decodeUtf16Le, decodeUtf32 } from './unicode.ts'
import { compileShortAscii, decodeUtf8 } from './utf8.ts'

/** Character sets of MySQL and MariaDB. */
export type Charset =
  | 'armscii8'
  | 'ascii'
  | 'big5'
  | 'binary'
  | 'cp1250'
  | 'cp1251'
  | 'cp1256'
  | 'cp1257'
  | 'cp850'
  | 'cp852'
  | 'cp866'
  | 'cp932'
  | 'dec8'
  | 'eucjpms'
  | 'euckr'
  | 'gb18030'
  | 'gb2312'
  | 'gbk'
  | 'geostd8'
  | 'greek'
  | 'hebrew'
  | 'hp8'
  | 'keybcs2'
  | 'koi8r'
  | 'koi8u'
  | 'latin1'
  | 'latin2'
  | 'latin5'
  | 'latin7'
  | 'macce'
  | 'macroman'
  | 'sjis'
  | 'swe7'
  | 'tis620'
  | 'ucs2'
  | 'ujis'
  | 'utf16'
  | 'utf16le'
  | 'utf32'
  | 'utf8mb3'
  | 'utf8mb4'

const UNICODE: { readonly [name: string]: BytesReader } = {
  utf8mb4: decodeUtf8,
  utf8mb3: decodeUtf8,
  ucs2: decodeUtf16Be,
  utf16: decodeUtf16Be,
  utf16le: decodeUtf16Le,
  utf32: decodeUtf32,
}

/** Sets in which bytes below 128 are not all ASCII. */
const NOT_ASCII: ReadonlySet<Charset> = new Set(['swe7'])

/** Up to here ASCII is tried first. */
const SHORT_BYTES = 24

const decoders = new Map<Charset, BytesReader>()

export function decoderOfCharset(charset: Charset): BytesReader {
  let decoder = decoders.get(charset)
  if (decoder === undefined) {
    decoder = createDecoder(charset)
    decoders.set(charset, decoder)
  }
  return decoder
}

function createDecoder(charset: Charset): BytesReader {
  const unicode = UNICODE[charset]
  if (unicode !== undefined) return unicode
  const general = multiByteDecoder(charset) ?? singleByteDecoder(charset)
  return NOT_ASCII.has(charset) ? general : compileShortAscii(SHORT_BYTES, general)
}

/** Whether bytes below 128 are ASCII wherever a character begins. */
export function isAsciiBelow128(charset: Charset): boolean {
  return charset === 'utf8mb4' || charset === 'utf8mb3' || !(charset in UNICODE || NOT_ASCII.has(charset))
}
