import type { BrokerRecord, Origin } from '../contract.ts'

/** The header by which BinGo's own targets say which event a message is. */
const EVENT_ID = 'bingo-event-id'

/** The id of what a record says: that which its writer gave it, so that a receiver knows it again; else its place. */
export function eventIdOf(record: BrokerRecord): string {
  return record.headers.get(EVENT_ID) ?? placeIdOf(record)
}

export function placeIdOf({ part, place }: BrokerRecord): string {
  return `${part}/${place}`
}

/** `txId/seq` taken apart; of any other text: the text, and 0. */
export function idParts(id: string): Pick<Origin, 'txId' | 'seq'> {
  const found = /^(.+)\/(\d{1,15})$/s.exec(id)
  return found === null ? { txId: id, seq: 0 } : { txId: found[1]!, seq: Number(found[2]) }
}
