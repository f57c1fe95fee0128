import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Daemon } from '../../support/daemon.ts'
import { debeziumTable, type Relay, type Route } from './relay.ts'

/** Starts a daemon with one outbox that sends to Kafka; `entry` is what stands beside `to`. */
export async function startBingo({ sql, broker, topic }: Route, entry: string, source = sql.url): Promise<Daemon> {
  const daemon = await Daemon.prepare({ rules: 'rules: []', sourceUrl: source, env: {} })
  const config = join(daemon.folder, 'config.yaml')
  const to = `{type: kafka, brokers: ["${broker}"], topic: "${topic}", key: "{{key}}"}`
  await writeFile(config, `outbox:\n  - {${entry}, to: ${to}}\n`)
  daemon.spawn({ BINGO_CONFIG: config })
  await daemon.ready()
  return daemon
}

export const bingoFromBinlog: Relay = {
  name: 'BinGo, binlog',
  ...debeziumTable(),
  start: (route) => startBingo(route, `table: ${route.database}.outbox, shape: debezium`),
}

const POSITION = 'position BIGINT AUTO_INCREMENT PRIMARY KEY, processed_at DATETIME(3), INDEX (processed_at, position),'

export function bingoPolling(interval: string): Relay {
  return {
    name: `BinGo, polling every ${interval}`,
    ...debeziumTable(POSITION),
    start: (route) => {
      const url = `${route.sql.url.replace(/\/$/, '')}/${route.database}`
      const entry = `table: ${route.database}.outbox, shape: debezium, url: "${url}", poll: ${interval}`
      return startBingo(route, entry, '')
    },
  }
}
