import iconv from 'iconv-lite'
import { MULTI_BYTE_RUNS } from './own-tables.ts'
import type { BytesReader } from './text-decoder.ts'

/** How bytes of 128 and more form characters. */
interface Family {
  readonly decodeRest: BytesReader
  /** Bytes of the character that begins with `lead`. */
  readonly length: (lead: number, second: number) => number
  /** Characters that follow from their code; undefined for the others. */
  readonly character?: (code: number) => string | undefined
}

const EUC_THREE_BYTES = 0x8f
/** EUC-JP: rows 85 to 94 are for users' own characters; the server puts them into the private use area. */
const EUC_USER_ROW = 0xf5
const EUC_FIRST = 0xa1
const EUC_LAST = 0xfe
const EUC_ROW_CELLS = 94
const PRIVATE_USE_TWO_BYTES = 0xe000
const PRIVATE_USE_THREE_BYTES = 0xe3ac

const shiftJis = new TextDecoder('shift_jis', { ignoreBOM: true })

const doubleByte = (): number => 2
const eucLength = (lead: number): number => (lead === EUC_THREE_BYTES ? 3 : 2)
/** 161 to 223 are katakana of one byte. */
const sjisLength = (lead: number): number => (lead === 0x80 || (lead >= 0xa0 && lead <= 0xdf) ? 1 : 2)
const gb18030Length = (_lead: number, second: number): number => (second >= 0x30 && second <= 0x39 ? 4 : 2)

/** The platform has Shift_JIS with Microsoft's extensions in full; iconv-lite lacks some of its private use area. */
const decodeSjis: BytesReader = (bytes, start, end) => shiftJis.decode(bytes.subarray(start, end))

const FAMILIES: { readonly [charset: string]: Family } = {
  big5: { decodeRest: byIconv('big5'), length: doubleByte },
  cp932: { decodeRest: decodeSjis, length: sjisLength },
  eucjpms: { decodeRest: byIconv('eucjp'), length: eucLength, character: eucUserCharacter },
  euckr: { decodeRest: byIconv('euckr'), length: doubleByte },
  gb18030: { decodeRest: byIconv('gb18030'), length: gb18030Length },
  gb2312: { decodeRest: byIconv('gbk'), length: doubleByte },
  gbk: { decodeRest: byIconv('gbk'), length: doubleByte },
  sjis: { decodeRest: decodeSjis, length: sjisLength },
  ujis: { decodeRest: byIconv('eucjp'), length: eucLength, character: eucUserCharacter },
}

/** Decoder of a multi-byte set that holds ASCII as it is; undefined for any other set. */
export function multiByteDecoder(charset: string): BytesReader | undefined {
  const family = FAMILIES[charset]
  if (family === undefined) return undefined
  const own = new Map<number, string>()
  for (const [first, characters] of MULTI_BYTE_RUNS[charset] ?? []) {
    for (let i = 0; i < characters.length; i++) own.set(first + i, characters[i]!)
  }
  if (own.size === 0 && family.character === undefined) return family.decodeRest
  return patchedDecoder(family, (code) => own.get(code) ?? family.character?.(code))
}

/** Runs of characters that need no patch go to the general decoder in one piece. */
function patchedDecoder({ decodeRest, length }: Family, patch: (code: number) => string | undefined): BytesReader {
  return (bytes, start, end) => {
    let text = ''
    let rest = start
    for (let at = start; at < end;) {
      const lead = bytes[at]!
      const size = lead < 0x80 ? 1 : Math.min(length(lead, bytes[at + 1] ?? 0), end - at)
      const character = size === 1 ? undefined : patch(bytes.readUIntBE(at, size))
      if (character !== undefined) {
        if (rest < at) text += decodeRest(bytes, rest, at)
        text += character
        rest = at + size
      }
      at += size
    }
    return rest < end ? text + decodeRest(bytes, rest, end) : text
  }
}

function byIconv(name: string): BytesReader {
  return (bytes, start, end) => iconv.decode(bytes.subarray(start, end), name)
}

function eucUserCharacter(code: number): string | undefined {
  const prefix = code >> 16
  const row = (code >> 8) & 255
  const cell = code & 255
  if (row < EUC_USER_ROW || row > EUC_LAST || cell < EUC_FIRST || cell > EUC_LAST) return undefined
  if (prefix !== 0 && prefix !== EUC_THREE_BYTES) return undefined
  const base = prefix === 0 ? PRIVATE_USE_TWO_BYTES : PRIVATE_USE_THREE_BYTES
  return String.fromCharCode(base + (row - EUC_USER_ROW) * EUC_ROW_CELLS + cell - EUC_FIRST)
}
