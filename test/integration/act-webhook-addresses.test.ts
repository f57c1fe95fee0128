import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { webhookConnector } from '../../src/targets/webhook/connector.ts'
import type { WebhookTargetOptions } from '../../src/targets/webhook/options.ts'
import { webhook } from '../../src/targets/webhook/action.ts'
import type { SendResult } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { silentLog } from '../support/jobs.ts'
import { summary } from '../support/webhook-target.ts'
import { actionSpec, compile, DEFAULTS, jobFor } from '../unit/targets/action-spec.ts'

let server: Server
let port: number
let requests = 0

beforeAll(async () => {
  server = createServer((_, response) => {
    requests += 1
    response.writeHead(204).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  port = (server.address() as AddressInfo).port
})
afterEach(() => (requests = 0))
afterAll(() => server.close())

async function send(plan: ActionPlan, row: { id: number; host?: string }): Promise<SendResult> {
  const target = await webhook.open(plan.target, { log: silentLog, now: Date.now })
  try {
    return await target.send([jobFor(plan, row)], new AbortController().signal)
  } finally {
    await target.close()
  }
}

const DYNAMIC = { type: 'webhook', url: 'http://{{host}}/', dynamicHost: true, body: { id: 1 } }

describe('a host that comes from data', () => {
  test.each([
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1.',
    '①②⑦.0.0.1',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[::1]',
    '[::]',
    '0.0.0.0',
    '0',
    '127.0.0.1',
    'localhost',
    'user:secret@127.0.0.1',
    '93.184.216.34@127.0.0.1',
    '10.0.0.1',
    '192.168.0.1',
    '[fd12::1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:7f00:1::]',
    '[::ffff:0:7f00:1]',
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
  ])('is not connected to where it is not public: %s', async (host) => {
    const { plan } = compile(DYNAMIC)
    expect(summary(await send(plan, { id: 1, host: `${host}:${port}` }))).toEqual([
      'poison BINGO_WEBHOOK_ADDRESS_REFUSED',
    ])
    expect(requests).toBe(0)
  })

  test.each(['[fe80::1%lo]', '[fe80::1%25lo]', '4294967297', 'a b', '', '127.0.0.1:99999', '%'])(
    'is refused where it is no host: %j',
    (host) => {
      expect(() => jobFor(compile(DYNAMIC).plan, { id: 1, host: `${host}` })).toThrow(/http|URL/)
    },
  )

  test.each([
    ['127.0.0.0/8', '127.0.0.1'],
    ['127.0.0.1', 'localhost'],
    ['127.0.0.1/32', '[::ffff:127.0.0.1]'],
  ])('is connected to where its network is listed: %s for %s', async (cidr, host) => {
    const { plan, problems } = compile({ ...DYNAMIC, allowCidrs: [cidr] })
    expect(problems).toEqual([])
    expect(await send(plan, { id: 1, host: `${host}:${port}` })).toBeUndefined()
  })

  test('is connected to where the configuration lists its network, which an action’s own list adds to', () => {
    const options = (fields: object) => {
      const compiled = webhook.compile(actionSpec({ ...DYNAMIC, ...fields }), {
        ...DEFAULTS,
        allowCidrs: ['10.0.0.0/8'],
      })
      return (compiled.target.options as WebhookTargetOptions).allowCidrs
    }
    expect(options({})).toEqual(['10.0.0.0/8'])
    expect(options({ allowCidrs: ['fd00::/8'] })).toEqual(['10.0.0.0/8', 'fd00::/8'])
  })
})

describe('a host that the rule names', () => {
  test.each(['127.0.0.1', '2130706433', 'localhost'])('may be private or loopback: %s', async (host) => {
    const { plan, problems } = compile({ type: 'webhook', url: `http://${host}:${port}/`, body: { id: 1 } })
    expect(problems).toEqual([])
    expect(await send(plan, { id: 1 })).toBeUndefined()
  })

  test.each([
    '169.254.169.254',
    '2852039166',
    '0xa9.0xfe.0xa9.0xfe',
    '[::ffff:169.254.169.254]',
    '[::169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::1]',
    '[::ffff:0:a9fe:a9fe]',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '100.100.100.200',
    '[64:ff9b::6464:64c8]',
    '168.63.129.16',
    '192.0.0.192',
  ])('is refused by check if it is link-local or a metadata service: %s', (host) => {
    const fields = { type: 'webhook', url: `http://${host}/`, body: { id: 1 } }
    expect(compile(fields).problems.map(({ code }) => code)).toEqual(['BINGO_RULE_WEBHOOK_ADDRESS'])
    const listed = [new URL(fields.url).hostname.replaceAll(/[[\]]/g, '')]
    expect(compile({ ...fields, allowCidrs: listed }).problems).toEqual([])
  })

  test('may not be a network with a zone', () => {
    const { problems } = compile({ type: 'webhook', url: 'http://x/', allowCidrs: ['fe80::%lo/10'] })
    expect(problems.map(({ code }) => code)).toEqual(['BINGO_RULE_WEBHOOK_CIDR'])
  })
})

describe('names are checked by the address they resolve to at connection time', () => {
  const OPTIONS: WebhookTargetOptions = {
    origin: null,
    concurrency: 1,
    threads: 0,
    http2: false,
    allowCidrs: [],
    tls: {},
    maxConnectionAgeMs: Infinity,
    proxy: null,
  }
  const address = (text: string): LookupAddress => ({ address: text, family: text.includes(':') ? 6 : 4 })

  /** Connects to a name that resolves to each of `answers` in turn; the error's code, or the address connected to. */
  async function connect(options: Partial<WebhookTargetOptions>, ...answers: string[][]): Promise<unknown[]> {
    const left = [...answers]
    const connector = webhookConnector({ ...OPTIONS, ...options }, (_, __, done) =>
      done(null, left.shift()!.map(address)),
    )
    const seen: unknown[] = []
    for (const _ of answers) {
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const place = { hostname: 'rebind.example', host: 'rebind.example', protocol: 'http:', port: String(port) }
      connector(place, (error: Error | null, socket: Socket | null) => {
        resolve(error === null ? socket!.remoteAddress : (error as NodeJS.ErrnoException).code)
        socket?.destroy()
      })
      seen.push(await promise)
    }
    return seen
  }

  test('a name that turns to a link-local address after a good one is refused then', async () => {
    const allowCidrs = ['127.0.0.1/32']
    expect(await connect({ allowCidrs }, ['127.0.0.1'], ['169.254.169.254'], ['::ffff:169.254.169.254'])).toEqual([
      '127.0.0.1',
      'BINGO_WEBHOOK_ADDRESS_REFUSED',
      'BINGO_WEBHOOK_ADDRESS_REFUSED',
    ])
  })

  test('of several addresses only the allowed ones are tried', async () => {
    const allowCidrs = ['127.0.0.1/32']
    expect(await connect({ allowCidrs }, ['169.254.169.254', '10.0.0.1', 'fe80::1%lo', '127.0.0.1'])).toEqual([
      '127.0.0.1',
    ])
    expect(await connect({}, ['127.0.0.1', '10.0.0.1', 'fe80::1%lo'])).toEqual(['BINGO_WEBHOOK_ADDRESS_REFUSED'])
  })

  test('a name in the rule may lead to a private address, never to the metadata service', async () => {
    const origin = 'http://rebind.example'
    expect(await connect({ origin }, ['127.0.0.1'], ['169.254.169.254'])).toEqual([
      '127.0.0.1',
      'BINGO_WEBHOOK_ADDRESS_REFUSED',
    ])
  })
})
