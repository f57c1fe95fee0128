import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Utf8Bytes } from '../../model/event/bytes/content.ts'
import { wordText } from '../../model/event/bytes/event-head.ts'
import type { WordText } from '../../model/event/bytes/event-head.ts'
import { writeInteger } from '../../model/event/bytes/numbers.ts'
import { storeCode, writeWords } from '../../model/event/bytes/stores.ts'
import { writeJson } from '../../model/event/bytes/value-writer.ts'
import type { Change } from '../../model/event/change.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'

/** A piece of the JSON of a structure, in the order written. */
export type JsonPart =
  /** The same for every change. */
  | { readonly tag: 'text'; readonly text: string }
  | { readonly tag: 'value'; readonly read: (change: Change) => unknown }
  /** The same for every change of a transaction. */
  | { readonly tag: 'of-transaction'; readonly read: (change: Change) => unknown }
  /** The id of a row's event. */
  | { readonly tag: 'id' }

export type WriteJson = (change: Change, into: ByteArena) => Utf8Bytes

/** Of the ordinal in an id, and what a store of eight bytes writes behind its text. */
const ID_ROOM = 24
const STORE_ROOM = 16

/**
 * Compiles the writer of a structure: text that is the same in every event in stores of eight bytes, values as the bytes of
 * their JSON. All values are read before anything is written: one that cannot be read leaves nothing behind.
 */
export function compileJsonWriter(parts: readonly JsonPart[]): WriteJson {
  const constants: unknown[] = [writeJson, writeWords, writeInteger]
  const constant = (value: unknown): string => `k${constants.push(value) - 1}`
  const reads: string[] = []
  const writes: string[] = []
  const ofTransaction: string[] = []
  let room = STORE_ROOM
  const text = (written: string): void => {
    room += Buffer.byteLength(written)
    writes.push(storeCode(written))
  }
  const words = (name: string, textOf: (change: Change) => string): void => {
    reads.push(`const ${name}=${constant(onceInTransaction(textOf))}(c);`)
    ofTransaction.push(`+${name}.length`)
    writes.push(`k1(v,w,${name}.words);w+=${name}.length;`)
  }
  for (const [i, part] of joined(parts).entries()) {
    switch (part.tag) {
      case 'text':
        text(part.text)
        break
      case 'value':
        reads.push(`const x${i}=${constant(part.read)}(c);`)
        writes.push(`w=k0(a,w,x${i},room);v=a.view;`)
        break
      case 'of-transaction':
        words(`t${i}`, (change) => stringifyValue(part.read(change)))
        break
      case 'id':
        words(`t${i}`, ({ transaction }) => `${JSON.stringify(transaction.id).slice(0, -1)}/`)
        room += ID_ROOM
        writes.push('w=k2(v,w,c.seq);')
        text('"')
    }
  }
  const body = `return (c,a)=>{
${reads.join('\n')}
const room=${room}${ofTransaction.join('')};
let w=a.reserve(a.at,room),v=a.view;
${writes.join('\n')}
return a.take(w);
}`
  // oxlint-disable-next-line typescript/no-implied-eval -- text of a structure enters the code as the numbers of its bytes
  const create = new Function(...constants.map((_, i) => `k${i}`), body)
  return create(...constants) as WriteJson
}

/** Texts that follow one another in one. */
function joined(parts: readonly JsonPart[]): readonly JsonPart[] {
  const result: JsonPart[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if (part.tag === 'text' && last?.tag === 'text') {
      result[result.length - 1] = { tag: 'text', text: last.text + part.text }
    } else result.push(part)
  }
  return result
}

/** Made ready once for the changes of a transaction that come one after the other. */
function onceInTransaction(textOf: (change: Change) => string): (change: Change) => WordText {
  let transaction: Change['transaction'] | null = null
  let words: WordText | null = null
  return (change) => {
    if (words === null || transaction !== change.transaction) {
      words = wordText(textOf(change))
      transaction = change.transaction
    }
    return words
  }
}
