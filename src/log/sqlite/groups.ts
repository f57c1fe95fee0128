import type { DatabaseSync } from 'node:sqlite'
import type { GroupStats } from '../../model/state/event-log.ts'
import { Acknowledged } from '../places.ts'

/** What the groups of a log have acknowledged: in memory to look at, in the file to resume from. */
export class Groups {
  readonly #database: DatabaseSync
  readonly #trimmed: () => number
  readonly #groups = new Map<string, Acknowledged>()

  /** `trimmed`: the place up to which entries were removed. */
  constructor(database: DatabaseSync, trimmed: () => number) {
    this.#database = database
    this.#trimmed = trimmed
    this.reload()
  }

  /** After a transaction that was not written. */
  reload(): void {
    this.#groups.clear()
    const ahead = this.#database.prepare('SELECT place FROM ahead WHERE name = ?')
    for (const row of this.#database.prepare('SELECT name, up_to FROM groups').all()) {
      const name = row['name'] as string
      const places = ahead.all(name).map(({ place }) => place as number)
      this.#groups.set(name, new Acknowledged(row['up_to'] as number, places))
    }
  }

  /** No entry behind it may be trimmed. */
  get slowest(): number {
    return Math.min(Infinity, ...[...this.#groups.values()].map(({ upTo }) => upTo))
  }

  of(name: string): Acknowledged {
    return this.#groups.get(name) ?? this.join(name, 0)
  }

  /** A new group begins behind `after`, or with the first entry that is left. In a transaction. */
  join(name: string, after: number): Acknowledged {
    const known = this.#groups.get(name)
    if (known !== undefined) return known
    const upTo = Math.max(after, this.#trimmed())
    this.#database.prepare('INSERT INTO groups VALUES (?, ?)').run(name, upTo)
    const group = new Acknowledged(upTo)
    this.#groups.set(name, group)
    return group
  }

  /** In a transaction. */
  acknowledge(name: string, places: readonly number[]): void {
    const group = this.of(name)
    const before = group.upTo
    group.add(places)
    const insert = this.#database.prepare('INSERT OR IGNORE INTO ahead VALUES (?, ?)')
    for (const place of places) if (place > group.upTo) insert.run(name, place)
    if (group.upTo === before) return
    this.#database.prepare('UPDATE groups SET up_to = ? WHERE name = ?').run(group.upTo, name)
    this.#database.prepare('DELETE FROM ahead WHERE name = ? AND place <= ?').run(name, group.upTo)
  }

  get size(): number {
    return this.#groups.size
  }

  stats(count: number, last: number | null): GroupStats[] {
    return [...this.#groups].map(([name, { upTo, ahead }]) => ({
      name,
      acknowledged: upTo === 0 ? null : String(upTo),
      pending: last === null ? 0 : Math.max(0, Math.min(count, last - upTo) - ahead),
    }))
  }
}
