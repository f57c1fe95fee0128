/**
 * Does one of everything that changes a store, and prints each step when it was answered: `node one-of-each.ts URL`.
 * Loaded after die-at.ts, it dies in the middle of one of them.
 */
import { newEvent, NOW, placesOf, post } from './new-event.ts'
import { openStore } from './store-url.ts'

const provider = await openStore(process.argv[2]!, { name: 'steps' })
const name = (id: string) => ({ environment: 'default', id })

async function step(title: string, work: () => Promise<unknown>): Promise<void> {
  await work()
  process.stdout.write(`${title}\n`)
}

const waiting = ['w1', 'w2', 'w3'].map((id, i) => newEvent(id, { deliverAt: NOW + 10_000 + i }))
await step('posted', () => post(provider, [newEvent('a'), newEvent('b'), ...waiting]))
await step('changed', () => post(provider, [newEvent('w2', { deliverAt: NOW + 20_000, payload: 'new' })]))
await step('cancelled', () => provider.cancel(name('w3'), NOW))
await step('moved', () => provider.due(NOW + 10_000, 10))
await step('left at once', () => post(provider, [newEvent('w2', { deliverAt: null })]))
await step('acknowledged', async () => provider.log.ack('g', (await placesOf(provider)).slice(0, 2)))
await step('progress', () => provider.progress([{ ...name('a'), at: NOW, status: 'completed', matched: 1 }]))
await step('replayed', () => provider.replay(name('b'), NOW))
await step('trimmed', () => provider.expire(NOW))
await provider.close()
process.stdout.write('end\n')
