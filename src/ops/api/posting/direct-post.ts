import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../../model/clock.ts'
import type { Api } from '../context.ts'
import { NodeIncoming } from './incoming.ts'
import { POSTS, type Post } from './posts.ts'
import { answerTo } from '../problem.ts'
import { JSON_HEADERS, jsonText } from '../records.ts'

/** How long a client that was refused may go on sending: an answer is lost where the connection ends below it. */
const REST_MS = 500

/**
 * What a request posts where it is one of those that have to be fast; else undefined. Only the web's requests and responses are
 * not built for it, which take longer than storing the event does.
 */
export function directPost({ method, url = '' }: IncomingMessage): Post | undefined {
  if (method !== 'POST') return undefined
  const end = url.indexOf('?')
  return POSTS.get(end < 0 ? url : url.slice(0, end))
}

/** Never rejects. */
export async function answerDirectly(
  post: Post,
  api: Api,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let status = 200
  let value: unknown
  let headers: { readonly [name: string]: string } = {}
  try {
    value = await post(api, new NodeIncoming(request))
  } catch (error) {
    ;({ status, body: value, headers } = answerTo(error as Error, api.log))
  }
  if (response.destroyed) return
  if (!request.complete && status !== 200) response.on('finish', () => endAfterRest(request, api.clock))
  const text = jsonText(value)
  const bytes = Buffer.byteLength(text)
  response.writeHead(status, { ...JSON_HEADERS, ...headers, 'content-length': bytes })
  // Where each character is a byte, the same bytes are written faster so.
  response.end(text, bytes === text.length ? 'latin1' : 'utf8')
}

/** What it still sends is dropped, and not for long. */
function endAfterRest(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.destroyed) return
  const timer = clock.afterIdle(REST_MS, () => request.socket.destroySoon())
  request.on('close', () => timer.cancel()).resume()
}
