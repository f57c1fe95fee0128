/**
 * An event store and a read model of it: accounts are streams of events; a table of balances is rebuilt from position 0 and
 * then follows. Run it with `node examples/event-store.ts`; in a project of yours import from 'bingo-cdc'.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createEventStore, VersionConflictError } from '../src/index.ts'
import type { EventStore, RecordedEvent } from '../src/index.ts'

type AccountEvent =
  | { readonly type: 'account.opened'; readonly payload: { readonly owner: string } }
  | { readonly type: 'account.deposited'; readonly payload: { readonly amount: number } }
  | { readonly type: 'account.withdrawn'; readonly payload: { readonly amount: number } }

interface Account {
  readonly owner: string | null
  readonly balance: number
}

const account = {
  initialState: (): Account => ({ owner: null, balance: 0 }),
  evolve: (state: Account, event: RecordedEvent<AccountEvent>): Account => {
    switch (event.type) {
      case 'account.opened':
        return { ...state, owner: event.payload.owner }
      case 'account.deposited':
        return { ...state, balance: state.balance + event.payload.amount }
      case 'account.withdrawn':
        return { ...state, balance: state.balance - event.payload.amount }
    }
  },
  // A snapshot every 100 events keeps long streams quick to read.
  snapshot: { schemaVersion: 1, every: 100 },
}

/** Reads, decides, appends. When somebody else appended in between, it decides again. */
async function withdraw(store: EventStore<AccountEvent>, stream: string, amount: number): Promise<void> {
  for (;;) {
    const { state, version } = await store.aggregateStream(stream, account)
    if (state.balance < amount) throw new Error(`${stream} has only ${state.balance}`)
    try {
      const event = { type: 'account.withdrawn', payload: { amount } } as const
      await store.appendToStream(stream, [event], { expectedVersion: version })
      return
    } catch (error) {
      if (!(error instanceof VersionConflictError)) throw error
    }
  }
}

/** The read model: balances, and in the same transaction the position up to which they are. */
class Balances {
  readonly #database: DatabaseSync

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS balances (stream TEXT PRIMARY KEY, owner TEXT, balance REAL NOT NULL DEFAULT 0);
      CREATE TABLE IF NOT EXISTS progress (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), position TEXT NOT NULL)`)
  }

  /** 0 for a new one: it is built from all events. */
  get position(): string {
    return (this.#database.prepare('SELECT position FROM progress').get()?.['position'] as string | undefined) ?? '0'
  }

  apply(event: RecordedEvent<AccountEvent>): void {
    this.#database.exec('BEGIN')
    this.#database.prepare('INSERT OR IGNORE INTO balances (stream) VALUES (?)').run(event.stream)
    if (event.type === 'account.opened') {
      this.#database.prepare('UPDATE balances SET owner = ? WHERE stream = ?').run(event.payload.owner, event.stream)
    } else {
      const amount = event.type === 'account.deposited' ? event.payload.amount : -event.payload.amount
      this.#database.prepare('UPDATE balances SET balance = balance + ? WHERE stream = ?').run(amount, event.stream)
    }
    this.#database.prepare('INSERT OR REPLACE INTO progress VALUES (1, ?)').run(String(event.globalPosition))
    this.#database.exec('COMMIT')
  }

  all(): unknown {
    return this.#database.prepare('SELECT owner, balance FROM balances ORDER BY stream').all()
  }
}

const folder = await mkdtemp(join(tmpdir(), 'bingo-example-'))
try {
  await using store = createEventStore<AccountEvent>(`file:${join(folder, 'events.db')}`)
  await store.appendToStream(
    'account-1',
    [
      { type: 'account.opened', payload: { owner: 'Ann' } },
      { type: 'account.deposited', payload: { amount: 100 } },
    ],
    { expectedVersion: 'no-stream' },
  )
  await Promise.all([withdraw(store, 'account-1', 30), withdraw(store, 'account-1', 20)])
  console.log(await store.aggregateStream('account-1', account))

  const balances = new Balances(join(folder, 'balances.db'))
  const stop = new AbortController()
  const onCaughtUp = (): void => {
    console.log('rebuilt', balances.all())
    // From here on it follows what is appended.
    void store.appendToStream('account-2', [
      { type: 'account.opened', payload: { owner: 'Bob' } },
      { type: 'account.deposited', payload: { amount: 8 } },
    ])
  }
  for await (const event of store.subscribe({ from: balances.position, signal: stop.signal, onCaughtUp })) {
    balances.apply(event)
    if (event.stream === 'account-2' && event.type === 'account.deposited') stop.abort()
  }
  console.log('followed', balances.all())
} finally {
  await rm(folder, { recursive: true })
}
