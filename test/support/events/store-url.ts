import { openEventProvider } from '../../../src/log/open.ts'
import type { EventProviderOptions } from '../../../src/log/open.ts'
import type { EventProvider } from '../../../src/model/state/event-provider.ts'

/** The address of a store, and behind a space that of its index where it has one: what a test passes on as one text. */
export function openStore(url: string, options: EventProviderOptions): Promise<EventProvider> {
  const [store, index] = url.split(' ') as [string, string | undefined]
  return openEventProvider(store, { ...options, index })
}
