import { createEventStore } from '../../event-store/create.ts'
import type { EventStore } from '../../event-store/contract.ts'
import { BingoError } from '../../model/errors.ts'
import { configFor, type GlobalOptions } from '../context.ts'

/** Options of every command of `bingo store`. */
export interface StoreOptions extends GlobalOptions {
  readonly store?: string
  readonly json?: boolean
}

/** Uses the event store that the command line, the environment or the configuration names. `create`: make its tables where they are missing. */
export async function withStore<T>(
  options: StoreOptions,
  create: boolean,
  use: (store: EventStore) => Promise<T>,
): Promise<T> {
  const url = options.store ?? process.env['BINGO_EVENT_STORE'] ?? configFor(options, 'store').eventStore?.url ?? ''
  if (url === '') {
    throw new BingoError('BINGO_STORE_URL_INVALID', 'No event store is named', {
      hint: 'Write --store file:/var/lib/app/events.db, or set eventStore.url or BINGO_EVENT_STORE.',
    })
  }
  const store = createEventStore(url, { create })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}
