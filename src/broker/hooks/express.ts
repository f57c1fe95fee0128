import { runAs, type Actor } from './actor.ts'
import { Hook, type HookEvent, type HookOperation, type HookOptions } from './hook.ts'
import { actorOf, httpEvent, jsonOf, keptBody, operationOf, type HttpRequest } from './http.ts'

/** What is read of a request of Express. */
export interface ExpressRequest extends HttpRequest {
  readonly headers: object
}

/** What is used of a response of Express. */
export interface ExpressResponse {
  readonly statusCode: number
  readonly writableEnded: boolean
  send: (body?: never) => unknown
  getHeader(name: string): unknown
  once(event: string, listener: () => void): unknown
}

export interface ExpressEventsOptions<
  Request extends ExpressRequest = ExpressRequest,
  Response extends ExpressResponse = ExpressResponse,
> extends HookOptions {
  readonly entity: string
  /** Default: POST create, GET and HEAD read, PUT and PATCH update, DELETE delete. Null: no event. */
  readonly operation?: ((request: Request, response: Response) => HookOperation | null) | undefined
  /** Replaces what would be published: the JSON of the answer, else the parameters of the route. */
  readonly event?:
    | ((request: Request, response: Response, body: unknown) => Partial<Omit<HookEvent, 'entity'>>)
    | undefined
  /** Default: `request.user.id` or `.sub`, `request.sessionID` or `request.session.id`. */
  readonly actor?: ((request: Request) => Actor) | undefined
}

/**
 * Middleware for the routes of an entity: publishes `SCHEMA.ENTITY.OPERATION` when a request was answered with a status below
 * 400. The answer is sent as it would be without; what cannot be published is told to `onError`.
 */
export function expressEvents<
  Request extends ExpressRequest = ExpressRequest,
  Response extends ExpressResponse = ExpressResponse,
>(options: ExpressEventsOptions<Request, Response>): (request: Request, response: Response, next: () => void) => void {
  const hook = new Hook(options)
  const { entity, event, actor = actorOf, operation = ({ method }) => operationOf(method) } = options
  return (request, response, next) => {
    const body = remember(response)
    let isDone = false
    const onEnd = (): void => {
      if (isDone || response.statusCode >= 400) return
      isDone = true
      publish()
    }
    const publish = (): void => {
      const what = attempt(() => operation(request, response))
      if (!hook.publishes(what)) return
      hook.publish(what, () => {
        const json = jsonOf(body.text, response.getHeader('content-type'))
        return { ...httpEvent(entity, request, json), ...actor(request), ...event?.(request, response, json) }
      })
    }
    response.once('finish', onEnd)
    // The client has gone, and what it asked for was done.
    response.once('close', () => response.writableEnded && onEnd())
    runAs(() => actor(request), next)
  }
}

/** Keeps the text of the answer: `json` and `send` of an object end in `send` of a text. */
function remember(response: ExpressResponse): { text: string | null } {
  const kept: { text: string | null } = { text: null }
  const send = response.send
  response.send = function (this: unknown, body?: never) {
    kept.text = keptBody(body)
    return Reflect.apply(send, this, body === undefined ? [] : [body]) as unknown
  }
  return kept
}

/** Null where it throws: that must not come to whoever emits the event of the response. */
function attempt<T>(ask: () => T): T | null {
  try {
    return ask()
  } catch {
    return null
  }
}
