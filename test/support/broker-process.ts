/** A program with a broker, to be killed: STORE EFFECTS COUNT. Writes what it handled to a file, what it published to stdout. */
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createBroker } from '../../src/index.ts'

const [store, effects, count] = process.argv.slice(2) as [string, string, string]
const broker = createBroker({ store, workers: 4, buffer: 200, retry: { min: 1, max: 5 } })
broker.subscribe(
  'orders.*',
  async ({ id, key }, { attempt }) => {
    if (attempt === 1 && id.endsWith('7')) throw new Error('again')
    await delay(Math.random() * 2)
    appendFileSync(effects, `${key} ${id}\n`)
  },
  { id: 'effects' },
)
await broker.start({ signals: ['SIGTERM'] })
process.stdout.write('started\n')
setInterval(() => undefined, 1_000)
try {
  for (let n = 0; n < Number(count); n++) {
    const id = `${process.pid}-${n}`
    await broker.publish('orders.created', { n }, { id, key: `k${n % 5}` })
    process.stdout.write(`${id}\n`)
  }
} catch (error) {
  if ((error as { readonly code?: string }).code !== 'BINGO_BROKER_STOPPED') throw error
}
// Events of the runs before are handled too.
while (broker.stats().pending > 0) await delay(5)
process.stdout.write('idle\n')
