import { runAs, type Actor } from './actor.ts'
import { Hook, type HookEvent, type HookOperation, type HookOptions } from './hook.ts'
import { actorOf, httpEvent, jsonOf, keptBody, operationOf, type HttpRequest } from './http.ts'

/** What is used of a reply of Fastify. */
export interface FastifyReplyLike {
  readonly statusCode: number
  getHeader(name: string): unknown
}

export interface FastifyEventsOptions<
  Request extends HttpRequest = HttpRequest,
  Reply extends FastifyReplyLike = FastifyReplyLike,
> extends HookOptions {
  readonly entity: string
  /** Default: POST create, GET and HEAD read, PUT and PATCH update, DELETE delete. Null: no event. */
  readonly operation?: ((request: Request, reply: Reply) => HookOperation | null) | undefined
  /** Replaces what would be published: the JSON of the answer, else the parameters of the route. */
  readonly event?: ((request: Request, reply: Reply, body: unknown) => Partial<Omit<HookEvent, 'entity'>>) | undefined
  /** Default: `request.user.id` or `.sub`, `request.session.sessionId`. */
  readonly actor?: ((request: Request) => Actor) | undefined
}

type Done = (error?: Error) => void
type DoneSending = (error: Error | null, payload: unknown) => void

/** What is used of an instance of Fastify. */
export interface FastifyLike<Request extends HttpRequest, Reply extends FastifyReplyLike> {
  addHook(name: 'onRequest' | 'onResponse', hook: (request: Request, reply: Reply, done: Done) => void): unknown
  addHook(name: 'onSend', hook: (request: Request, reply: Reply, payload: unknown, done: DoneSending) => void): unknown
}

/**
 * A plugin for the routes of an entity: publishes `SCHEMA.ENTITY.OPERATION` when a request was answered with a status below
 * 400. It holds for the scope that it is registered in, and for those inside. The answer is sent as it would be without.
 */
export function fastifyEvents<
  Request extends HttpRequest = HttpRequest,
  Reply extends FastifyReplyLike = FastifyReplyLike,
>(
  options: FastifyEventsOptions<Request, Reply>,
): (instance: FastifyLike<Request, Reply>, settings: unknown, done: Done) => void {
  const hook = new Hook(options)
  const { entity, event, actor = actorOf, operation = ({ method }) => operationOf(method) } = options
  const bodies = new WeakMap<Reply, string | null>()
  const plugin = (instance: FastifyLike<Request, Reply>, _settings: unknown, done: Done): void => {
    instance.addHook('onRequest', (request, _reply, next) => runAs(() => actor(request), next))
    instance.addHook('onSend', (_request, reply, payload, next) => {
      bodies.set(reply, keptBody(payload))
      next(null, payload)
    })
    instance.addHook('onResponse', (request, reply, next) => {
      if (reply.statusCode < 400) publish(request, reply)
      next()
    })
    done()
  }
  const publish = (request: Request, reply: Reply): void => {
    let what: HookOperation | null = null
    try {
      what = operation(request, reply)
    } catch {
      // It says nothing of this request.
    }
    if (!hook.publishes(what)) return
    hook.publish(what, () => {
      const json = jsonOf(bodies.get(reply) ?? null, reply.getHeader('content-type'))
      return { ...httpEvent(entity, request, json), ...actor(request), ...event?.(request, reply, json) }
    })
  }
  // As fastify-plugin does: the hooks belong to the scope that registers the plugin, not to one of its own.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'bingo' })
}
