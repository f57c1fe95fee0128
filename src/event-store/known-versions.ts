import type { ExpectedVersion } from './contract.ts'

const MOST_STREAMS = 10_000

/**
 * Versions that streams have at least: one that was seen stays, since events are never deleted. An append behind such a
 * version needs no look at the stream before; its unique key says whether there is more by now.
 */
export class KnownVersions {
  readonly #versions = new Map<string, number>()

  saw(stream: string, version: number): void {
    const known = this.#versions.get(stream) ?? 0
    // What was seen last is forgotten last.
    this.#versions.delete(stream)
    this.#versions.set(stream, Math.max(known, version))
    if (this.#versions.size > MOST_STREAMS) this.#versions.delete(this.#versions.keys().next().value!)
  }

  /** The version that an append expects, where the stream has it at least, and no greater one was seen. */
  expected(stream: string, expected: ExpectedVersion): number | undefined {
    const version = expected === 'no-stream' ? 0 : expected
    return version === (this.#versions.get(stream) ?? 0) ? version : undefined
  }
}
