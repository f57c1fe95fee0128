import type { Actor } from './actor.ts'
import { keyOf, type HookEvent, type HookOperation } from './hook.ts'

/** Larger answers are not repeated in events. */
const MOST_BODY = 128 * 1024

const OPERATIONS: Readonly<Record<string, HookOperation>> = {
  POST: 'create',
  GET: 'read',
  HEAD: 'read',
  PUT: 'update',
  PATCH: 'update',
  DELETE: 'delete',
}

/** Of requests, of whichever framework. */
export interface HttpRequest {
  readonly method: string
  readonly params?: unknown
}

export function operationOf(method: string): HookOperation | null {
  return OPERATIONS[method] ?? null
}

/** What of an answer is remembered until it was sent. */
export function keptBody(body: unknown): string | null {
  return typeof body === 'string' && body.length <= MOST_BODY ? body : null
}

/** The JSON of an answer; undefined: it is none, or was not kept. */
export function jsonOf(text: string | null, contentType: unknown): unknown {
  const isJson = typeof contentType === 'string' && /\bjson\b/i.test(contentType)
  if (!isJson || text === null || text === '') return undefined
  return JSON.parse(text) as unknown
}

/** Who sent a request, as Passport, express-session, @fastify/session and @fastify/jwt leave it. */
export function actorOf(request: object): Actor {
  const { user, session, sessionID } = request as {
    readonly user?: unknown
    readonly session?: unknown
    readonly sessionID?: unknown
  }
  return {
    userId: textOf(field(user, 'id') ?? field(user, 'sub')),
    sessionId: textOf(sessionID ?? field(session, 'sessionId') ?? field(session, 'id')),
  }
}

/** The event of an answer: its body, else the parameters of the route. */
export function httpEvent(entity: string, request: HttpRequest, body: unknown): HookEvent {
  const id = field(body, 'id') ?? field(request.params, 'id')
  return { entity, payload: body === undefined ? (request.params ?? {}) : body, key: keyOf(entity, id) }
}

function field(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as { readonly [name: string]: unknown })[name] : undefined
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : null
}
