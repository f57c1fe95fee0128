import type { IncomingMessage, ServerResponse } from 'node:http'

/** An answer of the admin server. */
export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

export function answerWith(request: IncomingMessage, response: ServerResponse, page: Page): void {
  response.writeHead(page.status, {
    'content-type': page.type,
    'content-length': Buffer.byteLength(page.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(page.status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(page.status === 405 && { allow: 'GET, HEAD' }),
  })
  response.end(request.method === 'HEAD' ? undefined : page.body)
}

export function json(status: number, value: object): Page {
  const body = JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item))
  return { status, type: 'application/json; charset=utf-8', body: `${body}\n` }
}

export function unauthorised(): Page {
  return json(401, { error: 'send the token as "Authorization: Bearer …"' })
}
