/**
 * A process that posts until it is killed: `node posting-process.ts URL LIFE`. Several writers post one event after the
 * other, some due a little later, and another one moves them. Prints each id when it was answered.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { newEvent } from './new-event.ts'
import { openStore } from './store-url.ts'

const WRITERS = 8
const [url, life] = process.argv.slice(2) as [string, string]
const provider = await openStore(url, { name: `writer-${life}` })

async function write(writer: number): Promise<void> {
  for (let n = 0; ; n++) {
    const id = `${life}:${writer}:${n}`
    const now = Date.now()
    const event = newEvent(id, { key: `${life}:${writer}`, deliverAt: n % 5 === 4 ? now + (n % 50) : null })
    const [posted] = await provider.post([event], { now, onConflict: 'keep' })
    process.stdout.write(`${posted!.tag} ${id}\n`)
  }
}

async function move(): Promise<void> {
  for (;;) {
    await provider.due(Date.now(), 10)
    await delay(5)
  }
}

function fail(error: unknown): never {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
}

for (let writer = 0; writer < WRITERS; writer++) write(writer).catch(fail)
move().catch(fail)
