/** `npm run event-stores`: tries out what each store promises, on real servers, and writes it into docs/event-stores.md. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDatabase } from './database-server.ts'
import { startKafkaEngine } from './kafka-engine.ts'
import { startNatsEngine } from './nats-engine.ts'
import { BEGIN, END, measurePromises, tableOf } from './promises.ts'
import type { TestedStore } from './promises.ts'
import { EventRedisServer } from './redis-server.ts'
import { engineStore, fileStore, MEMORY, redisStore, serverStore } from './tested-stores.ts'

const DOC = new URL('../../../docs/event-stores.md', import.meta.url)
const columns = new Map<string, Map<string, string>>()

async function measure(store: TestedStore): Promise<void> {
  columns.set(store.column, await measurePromises(store))
  console.error(`tried out: ${store.column}`)
}

const folder = mkdtempSync(join(tmpdir(), 'bingo-promises-'))
await measure(MEMORY)
await measure(fileStore(folder))
for (const kind of ['MySQL', 'MariaDB', 'PostgreSQL'] as const) {
  await using server = await startDatabase(kind)
  await measure(serverStore(server))
}
{
  await using server = await EventRedisServer.start()
  await measure(redisStore(server))
}
for (const start of [startNatsEngine, startKafkaEngine]) {
  await using server = await start()
  await measure(engineStore(server, folder))
}
rmSync(folder, { recursive: true })
const text = readFileSync(DOC, 'utf8')
const [before, after] = [text.slice(0, text.indexOf(BEGIN)), text.slice(text.indexOf(END))]
writeFileSync(DOC, `${before}${BEGIN}\n\n${tableOf(columns)}\n\n${after}`)
