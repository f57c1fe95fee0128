import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEventStore } from '../../src/event-store/create.ts'
import { bingo, ndjson } from './cli-process.ts'

let folder: string
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-cli-store-'))
  env = { BINGO_EVENT_STORE: `file:${join(folder, 'events.db')}` }
})
afterAll(() => rm(folder, { recursive: true }))

const store = (args: readonly string[], input?: string) =>
  bingo(['store', ...args], { env, ...(input !== undefined && { input }) })

test('A store is filled, listed, read and asked for a snapshot from the command line', async () => {
  expect(await store(['streams'])).toMatchObject({ code: 1, stderr: expect.stringContaining('BINGO_STORE_MISSING') })
  const lines = ['{"id":"e-1","type":"order.placed","payload":{"total":5}}', '{"type":"order.paid","payload":null}']
  const appended = await store(['append', 'order-1', '--expect', 'no-stream'], lines.join('\n'))
  expect(appended).toEqual({ code: 0, stderr: '', stdout: 'appended 2: order-1 has version 2, position 2\n' })

  const listed = await store(['streams', '--prefix', 'order-'])
  expect(listed.stdout.split('\n').map((line) => line.split(/ +/).slice(0, 2))).toEqual([
    ['STREAM', 'VERSION'],
    ['order-1', '2'],
    [''],
  ])
  expect(ndjson((await store(['streams', '--json'])).stdout)).toMatchObject([{ stream: 'order-1', version: 2 }])

  const read = ndjson((await store(['read', 'order-1', '--json', '--to', '1'])).stdout)
  expect(read).toEqual([
    {
      stream: 'order-1',
      version: 1,
      global_position: '1',
      metadata: {
        event_id: 'e-1',
        event_type: 'order.placed',
        source_service: null,
        timestamp: expect.any(String),
        correlation_id: null,
        causation_id: null,
        user_id: null,
      },
      payload: { total: 5 },
    },
  ])
  const again = await store(['append', 'order-2', '--json'], JSON.stringify(read[0]))
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('BINGO_STORE_EVENT_ID_TAKEN') })
  const all = await store(['read', '--types', 'order.paid,other', '--since', '1h'])
  expect(all.stdout).toMatch(/^POSITION +STREAM +VERSION +TIME +TYPE +PAYLOAD\n2 +order-1 +2 +\S+ +order.paid +null\n$/)
  expect(ndjson((await store(['read', '--json', '--from', '1'])).stdout)).toHaveLength(1)

  await using library = createEventStore(env['BINGO_EVENT_STORE']!)
  await library.saveSnapshot('order-1', { version: 1, schemaVersion: 3, state: { total: 5 } })
  const snapshot = await store(['snapshot', 'order-1', '--schema-version', '3', '--json'])
  expect(JSON.parse(snapshot.stdout)).toMatchObject({ stream: 'order-1', version: 1, state: { total: 5 } })
  const none = await store(['snapshot', 'order-1', '--schema-version', '3', '--at', '0'])
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('BINGO_STORE_SNAPSHOT_MISSING') })
})

test('The event store of the configuration is used where nothing else names one', async () => {
  const url = `file:${join(folder, 'configured.db')}`
  await using library = createEventStore(url)
  await library.appendToStream('order-7', [{ type: 'counted', payload: 1 }])
  const config = join(folder, 'bingo.yaml')
  await writeFile(config, `eventStore: {url: "${url}"}\n`)
  const { stdout } = await bingo(['store', 'streams', '--json', '--config', config], { env: {} })
  expect(ndjson(stdout)).toMatchObject([{ stream: 'order-7', version: 1 }])
  expect(await bingo(['store', 'streams'], { env: {}, cwd: folder })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('BINGO_STORE_URL_INVALID'),
  })
})

test('A file is followed until enough has come', async () => {
  const url = `file:${join(folder, 'followed.db')}`
  await using library = createEventStore(url)
  await library.appendToStream('a', [{ type: 'counted', payload: 1 }])
  const followed = bingo(['store', 'read', '--follow', '--limit', '2', '--json', '--store', url])
  await library.appendToStream('b', [{ type: 'counted', payload: 2 }])
  expect(ndjson((await followed).stdout).map(({ payload }) => payload)).toEqual([1, 2])
})

test('Exit codes tell a conflict, bad input, a missing stream and bad options apart from an unusable store', async () => {
  await store(['append', 'order-3'], '{"type":"order.placed","payload":{}}')
  const fails = async (args: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await store(args, input)
    expect(stdout).toBe('')
    return [code, /BINGO_\w+/.exec(stderr)?.[0] ?? /error: (.*)/.exec(stderr)?.[1]]
  }
  const event = '{"type":"order.paid","payload":{}}'
  expect(await fails(['append', 'order-3', '--expect', '0'], event)).toEqual([1, 'BINGO_STORE_VERSION_CONFLICT'])
  expect(await fails(['append', 'order-3'], '{"type":')).toEqual([1, 'BINGO_STORE_ARGUMENT_INVALID'])
  expect(await fails(['append', 'order-3'], '{"typ":"x"}')).toEqual([1, 'BINGO_STORE_ARGUMENT_INVALID'])
  expect(await fails(['append', 'order-3'], '')).toEqual([1, 'BINGO_STORE_ARGUMENT_INVALID'])
  expect(await fails(['append', 'order-3', join(folder, 'none.ndjson')])).toEqual([1, 'BINGO_STORE_ARGUMENT_INVALID'])
  expect(await fails(['read', 'nobody'])).toEqual([1, 'BINGO_STORE_STREAM_MISSING'])
  expect(await fails(['read', '--store', 'redis://x'])).toEqual([1, 'BINGO_STORE_URL_INVALID'])
  const text = join(folder, 'text.db')
  await writeFile(text, 'no database '.repeat(500))
  expect(await fails(['read', '--store', `file:${text}`])).toEqual([1, 'BINGO_STORE_CORRUPT'])
  expect((await fails(['append', 'order-3', '--expect', 'soon'], event))[0]).toBe(2)
  expect(await fails(['read', '--to', '3'])).toEqual([2, '--to goes with the name of a stream'])
  expect(await fails(['read', 'order-3', '--follow'])).toEqual([2, '--follow goes without the name of a stream'])
  expect((await bingo(['store', 'read'])).stderr).toContain('BINGO_EVENT_STORE')
})

test('Every command prints help with its exit codes', async () => {
  for (const args of [[], ['streams'], ['read'], ['append'], ['snapshot']]) {
    const { code, stdout } = await bingo(['store', ...args, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Exit codes:')
  }
})
