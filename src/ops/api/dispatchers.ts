import type { RuleInfo } from '../../events/contract.ts'
import {
  checked,
  environmentFor,
  eventsOf,
  optionalBodyOf,
  posterOf,
  query,
  requireScope,
  switchesOf,
  type Api,
  type Call,
} from './context.ts'
import { invocation } from '../../model/event/posted/invocation.ts'
import { ApiError } from './problem.ts'
import { jsonAnswer, shownPosted } from './records.ts'
import { environmentQuery, invokeBody } from './schemas.ts'

/** Rules on events; with `?all=true` rules on tables too. */
export function listDispatchers(api: Api, call: Call): Response {
  requireScope(call, 'read')
  const all = call.req.query('all') === 'true'
  const rules = switchesOf(api).list()
  return jsonAnswer({ dispatchers: rules.filter(({ on }) => all || on.length > 0).map(shown) })
}

export function getDispatcher(api: Api, call: Call): Response {
  requireScope(call, 'read')
  return jsonAnswer(shown(ruleOf(api, call)))
}

export async function switchDispatcher(api: Api, call: Call, enabled: boolean): Promise<Response> {
  const caller = requireScope(call, 'operate')
  const rule = await switchesOf(api).set(call.req.param('id') ?? '', enabled, caller.name)
  if (rule === null) throw unknownRule()
  return jsonAnswer(shown(rule))
}

/** Runs one rule for an event that is made for it, whatever its `on` says. */
export async function invokeDispatcher(api: Api, call: Call): Promise<Response> {
  const caller = requireScope(call, 'operate')
  const environment = environmentFor(api, caller, query(call, environmentQuery).environment)
  const rule = ruleOf(api, call)
  if (rule.on.length === 0 && !rule.manual) {
    throw new ApiError(409, 'BINGO_RULE_NOT_INVOKED', `rule "${rule.id}" reads tables: it cannot be invoked`)
  }
  if (!rule.enabled) throw new ApiError(409, 'BINGO_RULE_NOT_INVOKED', `rule "${rule.id}" is disabled`)
  const { publisher, provider } = eventsOf(api)
  const input = checked(invokeBody, await optionalBodyOf(api, call))
  const poster = posterOf(api, caller, environment, 'api')
  const posting = { events: [invocation(rule.id, input)], isReserved: true, isParsed: true, path: () => [] as const }
  const [posted] = await publisher.publish(posting, poster)
  return jsonAnswer(shownPosted(posted!, provider.can))
}

function ruleOf(api: Api, call: Call): RuleInfo {
  const rule = switchesOf(api)
    .list()
    .find(({ id }) => id === call.req.param('id'))
  if (rule === undefined) throw unknownRule()
  return rule
}

function unknownRule(): ApiError {
  return new ApiError(404, 'BINGO_DISPATCHER_UNKNOWN', 'there is no such rule')
}

function shown({ disabledAt, ...rule }: RuleInfo): object {
  return { ...rule, disabledAt: disabledAt === null ? null : new Date(disabledAt).toISOString() }
}
