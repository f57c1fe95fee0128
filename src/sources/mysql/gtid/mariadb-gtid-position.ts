import { invalidGtid } from './gtid-invalid.ts'

/**
 * A MariaDB GTID position: the last transaction of each replication domain, `domain-server-sequence` by comma.
 * Sequence numbers are unsigned 64-bit.
 */
export class MariadbGtidPosition {
  readonly #domains = new Map<number, { server: number; sequence: bigint }>()
  #text: string | null = ''

  static parse(text: string): MariadbGtidPosition {
    const position = new MariadbGtidPosition()
    for (const entry of text.split(',')) {
      const gtid = entry.trim()
      if (gtid !== '') position.add(gtid)
    }
    return position
  }

  /** `domain-server-sequence` becomes the last of its domain. */
  add(gtid: string): void {
    const { domain, server, sequence } = splitMariadbGtid(gtid)
    this.set(domain, server, sequence)
  }

  set(domain: number, server: number, sequence: bigint): void {
    this.#text = null
    this.#domains.set(domain, { server, sequence })
  }

  /** Whether the position lies at or behind this GTID in its domain. */
  contains(gtid: string): boolean {
    const { domain, sequence } = splitMariadbGtid(gtid)
    const last = this.#domains.get(domain)
    return last !== undefined && sequence <= last.sequence
  }

  /** Whether no domain of the other position is further on than here. */
  containsSet(other: MariadbGtidPosition): boolean {
    for (const [domain, { sequence }] of other.#domains) {
      const last = this.#domains.get(domain)
      if (last === undefined || last.sequence < sequence) return false
    }
    return true
  }

  /** What of the other position lies behind this one, per domain: `0-1-9` alone, or `0-1-5 to 0-1-9`. */
  lackingOf(other: MariadbGtidPosition): string[] {
    return [...other.#domains].flatMap(([domain, { server, sequence }]) => {
      const first = (this.#domains.get(domain)?.sequence ?? 0n) + 1n
      if (first > sequence) return []
      const last = `${domain}-${server}-${sequence}`
      return [first === sequence ? last : `${domain}-${server}-${first} to ${last}`]
    })
  }

  /** The part in domains that the other position has too, and the rest. */
  splitByDomains(other: MariadbGtidPosition): [MariadbGtidPosition, MariadbGtidPosition] {
    const [shared, rest] = [new MariadbGtidPosition(), new MariadbGtidPosition()]
    for (const [domain, { server, sequence }] of this.#domains) {
      const part = other.#domains.has(domain) ? shared : rest
      part.set(domain, server, sequence)
    }
    return [shared, rest]
  }

  isEmpty(): boolean {
    return this.#domains.size === 0
  }

  clone(): MariadbGtidPosition {
    const copy = new MariadbGtidPosition()
    for (const [domain, last] of this.#domains) copy.#domains.set(domain, last)
    copy.#text = this.#text
    return copy
  }

  toString(): string {
    this.#text ??= [...this.#domains]
      .sort(([a], [b]) => a - b)
      .map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`)
      .join(',')
    return this.#text
  }
}

function splitMariadbGtid(gtid: string): { domain: number; server: number; sequence: bigint } {
  const parts = /^([0-9]{1,10})-([0-9]{1,10})-([0-9]{1,20})$/.exec(gtid)
  if (parts === null) throw invalidGtid(gtid, 'a MariaDB GTID has the form domain-server-sequence')
  return { domain: Number(parts[1]), server: Number(parts[2]), sequence: BigInt(parts[3]!) }
}
