import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../../src/demo/servers/command.ts'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts'
import { eventually, freePort } from '../support/daemon.ts'
import { kafkaTool, startKafka, type KafkaNode } from '../support/servers/kafka.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo, MAIN } from './cli-process.ts'

interface Block {
  readonly language: string
  readonly text: string
}

/** The blocks of code of a section of docs/outbox.md, in their order. */
async function blocksOf(title: string): Promise<readonly Block[]> {
  const page = await readFile('docs/outbox.md', 'utf8')
  const from = page.indexOf(`\n## ${title}\n`)
  const section = page.slice(from, page.indexOf('\n## ', from + 1))
  return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, text]) => ({
    language: language!,
    text: text!,
  }))
}

/** The id of a message ends with a hash over the action, addresses included. */
const plain = (text: string): string => text.replaceAll(/#[0-9a-f]{10}\b/g, '#HASH')

describe.each([
  ['MySQL', () => startMysql({ gtid: true })],
  ['MariaDB', () => startMariadb({ args: ['--sync-binlog=1'] })],
] as const)('the outbox in five minutes on %s', (_name, start) => {
  let sql: SqlServer
  let kafka: KafkaNode
  let redis: RedisServer
  let folder: string

  beforeAll(async () => {
    ;[sql, kafka, redis] = await Promise.all([start(), startKafka(), startRedis()])
    folder = await mkdtemp(join(tmpdir(), 'bingo-tutorial-'))
  })
  afterAll(async () => {
    await Promise.all([sql?.stop(), kafka?.stop(), redis?.stop()])
    await rm(folder, { recursive: true, force: true })
  })

  /** The text of the page with the addresses of these servers. */
  function here(text: string): string {
    const { port } = new URL(sql.url)
    return text
      .replaceAll('/home/you/', `${folder}/`)
      .replaceAll('db:3306', `127.0.0.1:${port}`)
      .replaceAll('kafka:9092', kafka.url)
      .replaceAll('redis:6379', `127.0.0.1:${redis.port}`)
      .replaceAll('-h redis -p 6379', `-h 127.0.0.1 -p ${redis.port}`)
  }

  test('prints what the page says, from the table to Kafka and Redis', async () => {
    const listen = `127.0.0.1:${await freePort()}`
    const env = { HOME: folder, BINGO_HTTP_LISTEN: listen }
    let daemon: ReturnType<typeof spawn> | null = null
    const commands: Readonly<Record<string, (args: readonly string[]) => Promise<string>>> = {
      bingo: async (args) => {
        if (args[0] !== 'run') return (await bingo(args, { env, cwd: folder })).stdout
        const environment = { ...CHILD_ENVIRONMENT, ...env } as NodeJS.ProcessEnv
        daemon = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: environment, stdio: 'ignore' })
        const { exitCode } = daemon
        const isReady = () =>
          fetch(`http://${listen}/readyz`).then(
            ({ status }) => status === 200,
            () => false,
          )
        await eventually('the daemon is ready', async () => exitCode === null && (await isReady()))
        return ''
      },
      'kafka-console-consumer.sh': async (args) =>
        runCommand(await kafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', args, folder)),
      'redis-cli': (args) => redis.cli(...args),
    }
    const printed: string[] = []
    const expected: string[] = []
    try {
      for (const { language, text } of await blocksOf('In five minutes')) {
        if (language === 'sql') await sql.query(text)
        else if (language === 'yaml') await writeFile(join(folder, 'outbox.yaml'), here(text))
        else if (language === 'sh') {
          const [program, ...args] = here(text).replaceAll('\\\n', ' ').trim().split(/\s+/)
          const output = await commands[program!]!(args)
          if (output !== '') printed.push(plain(output))
        } else expected.push(plain(here(text)))
      }
    } finally {
      const ended = daemon === null ? null : once(daemon, 'exit')
      ;(daemon as ReturnType<typeof spawn> | null)?.kill('SIGTERM')
      await ended
    }
    expect(printed).toEqual(expected)
  })
})
