/**
 * Loaded with `--import`: kills the process (kill -9, by itself) when the index has events and the engine does not, or when
 * the engine has them and they are not answered: `DIE_BETWEEN=before:5`, the fifth time.
 */
import { KafkaEngine } from '../../../src/log/kafka/engine.ts'
import { NatsEngine } from '../../../src/log/nats/engine.ts'

const [when, count] = (process.env['DIE_BETWEEN'] ?? '').split(':') as [string, string]
let left = Number(count)

function die(): void {
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered on the way back from the system call.
  for (;;);
}

for (const engine of [NatsEngine, KafkaEngine]) {
  const append = engine.prototype.append
  engine.prototype.append = async function stepped(index, entries) {
    left -= 1
    if (left === 0 && when === 'before') die()
    if (left === 0 && when === 'half') {
      await append.call(this, index, entries.slice(0, Math.ceil(entries.length / 2)))
      die()
    }
    await append.call(this, index, entries)
    if (left === 0) die()
  }
}
