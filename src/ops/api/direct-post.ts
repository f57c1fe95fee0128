import type { IncomingMessage, ServerResponse } from 'node:http'
import { environmentFor, requireScopeOf, type Api } from './context.ts'
import { postOne } from './events.ts'
import { ApiError, answerTo } from './problem.ts'
import { JSON_HEADERS, jsonText } from './records.ts'

const PATH = '/api/v1/events'

/**
 * Whether a request is the one that has to be fast, in its plain form: one event, its length known. Everything else about
 * it is the same as of all others; only the web's requests and responses are not built for it, which take longer than storing
 * the event does.
 */
export function isDirectPost({ method, url, headers }: IncomingMessage, mostBytes: number): boolean {
  return method === 'POST' && url === PATH && Number(headers['content-length'] ?? NaN) <= mostBytes
}

/** Never rejects. */
export async function answerDirectly(api: Api, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let status = 200
  let value: unknown
  let headers: { readonly [name: string]: string } = {}
  try {
    value = await postedBy(api, request)
  } catch (error) {
    ;({ status, body: value, headers } = answerTo(error as Error, api.log))
  }
  if (response.destroyed) return
  const text = jsonText(value)
  const bytes = Buffer.byteLength(text)
  response.writeHead(status, { ...JSON_HEADERS, ...headers, 'content-length': bytes })
  // Where each character is a byte, the same bytes are written faster so.
  response.end(text, bytes === text.length ? 'latin1' : 'utf8')
}

async function postedBy(api: Api, request: IncomingMessage): Promise<object> {
  const { headers } = request
  const caller = api.tokens.callerOf(headers.authorization)
  if (caller === null) throw unauthorised()
  requireScopeOf(caller, 'publish')
  const by = { caller, environment: environmentFor(api, caller, undefined) }
  const idempotencyKey = headers['idempotency-key'] as string | undefined
  return postOne(api, { ...by, idempotencyKey }, () => api.bodies.jsonOf(request))
}

export function unauthorised(): ApiError {
  return new ApiError(401, 'BINGO_HTTP_TOKEN', 'send a token as "Authorization: Bearer …"')
}
