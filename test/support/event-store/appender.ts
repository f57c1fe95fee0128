/** Run as a process: appends pairs of events to eight streams without end, and prints the name of each append that was answered. */
import { createEventStore } from '../../../src/event-store/create.ts'

const store = createEventStore(process.argv[2]!)
const run = process.pid

async function append(stream: string): Promise<never> {
  for (let n = 0; ; n++) {
    const name = `${stream}-${run}-${n}`
    const events = ['a', 'b'].map((half) => ({ id: `${name}-${half}`, type: 'pair.written', payload: { half } }))
    await store.appendToStream(stream, events)
    process.stdout.write(`${name}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, i) => append(`s${i}`)))
