import type { ChangeGroup, CustomTarget, Source, TargetMessage, TargetType } from '../../src/index.ts'
import { defineTable, groupSource, rowChange } from '../../src/index.ts'

export const users = defineTable({
  schema: 'shop',
  name: 'users',
  columns: { id: 'int', name: 'string', data: 'json' },
  key: ['id'],
})

export interface Place {
  readonly n: number
}

/** One INSERT per group: `g1`, `g2` … */
export function group(n: number, name = `user ${n}`): ChangeGroup<Place> {
  return { id: `g${n}`, at: n, changes: [rowChange({ table: users, op: 'insert', new: { id: n, name } })], end: { n } }
}

/** A source of groups 1 to `count` that then ends, or waits to be stopped. */
export function counting(count: number, { name = 'numbers', ends = true } = {}): Source<Place> {
  return groupSource<Place>({
    name,
    async *read(from, signal) {
      for (let n = (from?.n ?? 0) + 1; n <= count; n += 1) yield group(n)
      if (!ends) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  })
}

/** Groups that are handed in one after the other by the test. */
export class Feed {
  readonly finished: Place[] = []
  readonly source: Source<Place>
  private readonly groups: ChangeGroup<Place>[] = []
  private next = Promise.withResolvers<void>()

  constructor(name = 'feed') {
    const { groups } = this
    const more = (): Promise<void> => this.next.promise
    this.source = groupSource<Place>({
      name,
      // Never hears of a stop.
      async *read() {
        for (;;) {
          const next = groups.shift()
          if (next === undefined) await more()
          else yield next
        }
      },
      finished: (upTo) => this.finished.push(upTo),
    })
  }

  push(...groups: ChangeGroup<Place>[]): void {
    this.groups.push(...groups)
    this.next.resolve()
    this.next = Promise.withResolvers()
  }
}

/** `type: collect`: keeps what it gets. */
export class Collector {
  readonly messages: TargetMessage[] = []
  closed = 0
  private readonly waiting: { readonly count: number; readonly resolve: () => void }[] = []

  type(options: Partial<TargetType> = {}, target: Partial<CustomTarget> = {}): TargetType {
    return {
      type: 'collect',
      open: () => ({
        send: async (messages) => this.take(messages),
        close: () => void (this.closed += 1),
        ...target,
      }),
      ...options,
    }
  }

  take(messages: readonly TargetMessage[]): undefined {
    this.messages.push(...messages)
    for (const { count, resolve } of this.waiting) if (this.messages.length >= count) resolve()
    return undefined
  }

  get ids(): string[] {
    return this.messages.map(({ id }) => id)
  }

  /** Resolves when so many messages came. */
  async got(count: number): Promise<void> {
    if (this.messages.length >= count) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.waiting.push({ count, resolve })
    await promise
  }
}
