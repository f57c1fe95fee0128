import { createEventStore } from '../../event-store/create.ts'
import type { EventStore } from '../../event-store/contract.ts'
import { BingoError } from '../../model/errors.ts'
import type { StoreOptions } from '../commands/store.ts'

/** Uses the event store that the command line or the environment names. `create`: make its tables where they are missing. */
export async function withStore<T>(
  { store: given }: StoreOptions,
  create: boolean,
  use: (store: EventStore) => Promise<T>,
): Promise<T> {
  const url = given ?? process.env['BINGO_EVENT_STORE'] ?? ''
  if (url === '') {
    throw new BingoError('BINGO_STORE_URL_INVALID', 'No event store is named', {
      hint: 'Write --store file:/var/lib/app/events.db, or set BINGO_EVENT_STORE.',
    })
  }
  const store = createEventStore(url, { create })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}
