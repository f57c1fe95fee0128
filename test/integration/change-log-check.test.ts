import { Admin } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { openChangeLog } from '../../src/log/changes/open.ts'
import { silentLog } from '../../src/model/silent-log.ts'
import type { ChangeLog } from '../../src/model/state/change-log.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startNats } from '../support/servers/nats.ts'

const open = (url: string): Promise<ChangeLog> => openChangeLog(url, { name: 'shop', shares: 4, log: silentLog })

/** What a reader is told at its start, and would be told by its first append. */
async function refusals(url: string): Promise<readonly unknown[]> {
  const log = await open(url)
  const found: unknown[] = []
  for (const use of [() => log.check(), () => log.append([{ share: 0, body: 'x' }])]) {
    await use().catch(({ code, message, hint }) => found.push(`${code}: ${message} ${hint}`))
  }
  await log.close()
  return found
}

test('a NATS without JetStream, or without it for the account, is said by the look at the start', async () => {
  await using without = await startNats({ jetStream: false })
  const wanting = expect.stringMatching(
    /^BINGO_LOG_UNREACHABLE: .*(jetstream is not|JetStream not) enabled.* has JetStream/,
  )
  expect(await refusals(`${without.url}/changes`)).toEqual([wanting, wanting])
  await using server = await startNats({
    config:
      'accounts: {A: {users: [{user: u, password: p}]}, B: {jetstream: enabled, users: [{user: r, password: p}]}}',
  })
  expect(await refusals(`nats://u:p@127.0.0.1:${server.port}/changes`)).toEqual([wanting, wanting])
  expect(await refusals(`nats://r:p@127.0.0.1:${server.port}/changes`)).toEqual([])
})

test('a NATS user that may read but not publish is found before the first change, and nothing is stored to find it', async () => {
  const rights = (subjects: string): string => `{publish: [${subjects}], subscribe: ["_INBOX.>"]}`
  const users = [
    `{user: reads, password: p, permissions: ${rights('"$JS.API.>"')}}`,
    `{user: all, password: p, permissions: ${rights('"$JS.API.>", "changes.*"')}}`,
  ]
  await using server = await startNats({ config: `authorization: {users: [${users.join()}]}` })
  const refused = expect.stringMatching(/^BINGO_LOG_REFUSED: .*Publish to "changes\.0"/)
  expect(await refusals(`nats://reads:p@127.0.0.1:${server.port}/changes`)).toEqual([refused, refused])
  const log = await open(`nats://all:p@127.0.0.1:${server.port}/changes`)
  await log.check()
  expect(await log.tail()).toEqual([])
  await log.append([{ share: 0, body: 'x' }])
  await log.check()
  expect(await log.tail()).toEqual([{ share: 0, body: 'x' }])
  await log.close()
})

test('a topic with fewer partitions than shares, and a cluster with fewer brokers than replicas, are refused', async () => {
  await using server = await startKafka()
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [server.url] })
  const configs = ['retention.ms', 'retention.bytes'].map((name) => ({ name, value: '-1' }))
  await admin.createTopics({ topics: ['few'], partitions: 2, replicas: 1, configs })
  await admin.close()
  const few = expect.stringMatching(/^BINGO_LOG_ENGINE_UNFIT: .*2 partitions for 4 shares.*scale\.shares to 2/)
  expect(await refusals(`kafka://${server.url}/few`)).toEqual([few, few])
  const brokers = expect.stringMatching(/^BINGO_LOG_ENGINE_UNFIT: .*fewer than 3 brokers/)
  expect(await refusals(`kafka://${server.url}/many?replicas=3`)).toEqual([brokers, brokers])
})
