import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebhookSender } from '../support/webhook-target.ts'
import { compile } from '../unit/targets/action-spec.ts'

interface Seen {
  readonly method: string | undefined
  readonly type: string | undefined
  readonly length: string | undefined
  readonly body: string
}

const seen: Seen[] = []
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method, headers } = request
    const body = Buffer.concat(chunks).toString()
    seen.push({ method, type: headers['content-type'], length: headers['content-length'], body })
    response.writeHead(204).end()
  })
})
const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/users`

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
beforeEach(() => void seen.splice(0))
afterAll(() => void server.close())

describe('a webhook sends', () => {
  test.each([
    ['a form', { text: 'id={{id}}&s={{status}}', contentType: 'application/x-www-form-urlencoded' }, 'id=1&s=1'],
    ['a plain text', { text: 'row {{id}} "quoted"' }, 'row 1 "quoted"'],
    ['JSON of another media type', { body: { id: '{{id}}' }, contentType: 'application/vnd.x+json' }, '{"id":1}'],
  ])('%s as it is', async (_, fields, body) => {
    await using sender = await WebhookSender.open({ url: url(), ...fields })
    expect(await sender.send(1)).toBeUndefined()
    const type = (fields as { contentType?: string }).contentType ?? 'text/plain; charset=utf-8'
    expect(seen).toEqual([{ method: 'POST', type, length: String(body.length), body }])
  })

  test.each([['DELETE'], ['POST'], ['GET'], ['PURGE']])(
    '%s without a body, and a request for each event',
    async (method) => {
      await using sender = await WebhookSender.open({ url: url(), method, body: 'none' })
      expect(await sender.send(1, 2)).toBeUndefined()
      expect(seen.map((request) => [request.method, request.type, request.body])).toEqual([
        [method, undefined, ''],
        [method, undefined, ''],
      ])
    },
  )
})

describe('a rule', () => {
  const problems = (fields: object) =>
    compile({ type: 'webhook', url: 'https://h/x', ...fields }).problems.map(({ code }) => code)

  test('has one kind of body, and a batch for JSON alone', () => {
    expect(problems({ text: 'x', body: { id: 1 } })).toEqual(['BINGO_RULE_TEXT_AND_BODY'])
    expect(problems({ text: 'x', format: 'event' })).toEqual(['BINGO_RULE_FORMAT_AND_BODY'])
    expect(problems({ text: 'x', batch: 'always' })).toEqual(['BINGO_RULE_WEBHOOK_BATCH'])
    expect(problems({ body: 'none', batch: 'auto' })).toEqual(['BINGO_RULE_WEBHOOK_BATCH'])
    expect(problems({ text: 'x', contentType: 'text' })).toEqual(['BINGO_RULE_CONTENT_TYPE'])
    expect(problems({ text: 'x', contentType: 'text/csv; charset=utf-8', batch: 'never' })).toEqual([])
    expect(problems({ body: 'none' })).toEqual([])
  })
})
