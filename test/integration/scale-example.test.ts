import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parse } from 'yaml'
import { expect, test } from 'vitest'
import { environmentName, SETTING_PATHS } from '../../src/app/config/settings.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

const FOLDER = new URL('../../examples/scale/', import.meta.url)

interface Service {
  readonly environment?: Readonly<Record<string, string>>
  readonly deploy?: { readonly replicas: number }
}

function services(): Readonly<Record<string, Service>> {
  const text = readFileSync(new URL('docker-compose.yml', FOLDER), 'utf8')
  return (parse(text, { merge: true }) as { services: Record<string, Service> }).services
}

test('the compose file of the example names settings that exist, one reader and three workers for each log', () => {
  const known = new Set(SETTING_PATHS.map(environmentName))
  for (const { environment = {} } of Object.values(services())) {
    expect(Object.keys(environment).filter((each) => each.startsWith('BINGO_') && !known.has(each))).toEqual([])
  }
  expect(['worker-redis', 'worker-kafka'].map((name) => services()[name]!.deploy!.replicas)).toEqual([3, 3])
  expect(services()['worker-kafka']!.environment!['BINGO_SCALE_THROUGH']).toMatch(/^kafka:/)
  expect(services()['reader-redis']!.environment!['BINGO_SCALE_ROLE']).toBe('reader')
})

test('the example runs: three workers keep a slow web server busy with what one reader appends', async () => {
  const [mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({ args: ['--appendonly', 'yes'] })])
  const webhook = spawn(process.execPath, [new URL('slow-webhook.mjs', FOLDER).pathname], {
    env: { PATH: process.env['PATH'], PORT: '0', TAKES_MS: '50' },
  })
  try {
    const lines = createInterface({ input: webhook.stdout })
    const [listening] = (await once(lines, 'line')) as [string]
    const port = listening.split(' ').at(-1)!
    let answered = 0
    lines.on('line', (line) => (answered += Number(line.split(' ')[0])))
    await mysql.query('CREATE DATABASE shop')
    await mysql.query('CREATE TABLE shop.users (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(99), status INT)')
    const [reader, worker] = ['reader', 'worker'].map((role) => services()[`${role}-redis`]!.environment!)
    const start = (environment: Readonly<Record<string, string>>): Promise<Daemon> =>
      Daemon.start({
        rules: readFileSync(new URL('rules.yaml', FOLDER), 'utf8'),
        sourceUrl: mysql.url,
        env: {
          BINGO_NAME: environment['BINGO_NAME']!,
          BINGO_SCALE_ROLE: environment['BINGO_SCALE_ROLE']!,
          BINGO_CHECKPOINT_STORE: `${redis.url}/0`,
          BINGO_SCALE_THROUGH: `${redis.url}/1`,
          BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8',
          SLOW_WEBHOOK: `http://127.0.0.1:${port}/users`,
        },
      })
    await using daemons = new AsyncDisposableStack()
    const workers: Daemon[] = []
    daemons.use(await start(reader!))
    for (let i = 0; i < 3; i++) workers.push(daemons.use(await start(worker!)))
    for (const each of workers) {
      await eventually('each has a part', async () => ((await each.metric('bingo_scale_shares')) ?? 0) >= 5)
    }
    const users = Array.from({ length: 300 }, (_, i) => `('${i}@example.com', 0)`)
    await mysql.query(`INSERT INTO shop.users (email, status) VALUES ${users.join()}`)
    await eventually('the web server has answered all of them', () => answered === users.length)
    const delivered = 'bingo_rule_delivered_total{rule="notify"}'
    for (const each of workers) {
      await eventually('each has delivered some', async () => ((await each.metric(delivered)) ?? 0) > 0)
    }
  } finally {
    webhook.kill()
    await Promise.all([mysql.stop(), redis.stop()])
  }
})
