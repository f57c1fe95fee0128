import { exactJson, parseJson } from '../../model/json/strict-json.ts'
import { table } from '../output/table.ts'
import { askApi, print, withQuery, type ApiOptions } from './ask-api.ts'

interface ShownRule {
  readonly id: string
  readonly on: readonly string[]
  readonly manual: boolean
  readonly enabled: boolean
  readonly disabledAt: string | null
  readonly disabledBy: string | null
}

/** `bingo rules list`. */
export async function listRules(options: ApiOptions): Promise<void> {
  const { body } = await askApi(options, '/api/v1/event-dispatchers?all=true')
  const { dispatchers } = body as { readonly dispatchers: readonly ShownRule[] }
  if (options.json) return print([JSON.stringify(dispatchers)])
  print(table([['RULE', 'STATE', 'EVENTS'], ...dispatchers.map((rule) => [rule.id, stateOf(rule), eventsOf(rule)])]))
}

function stateOf({ enabled, disabledAt, disabledBy }: ShownRule): string {
  return enabled ? 'enabled' : `disabled since ${disabledAt} by ${disabledBy}`
}

function eventsOf({ on, manual }: ShownRule): string {
  const events = on.length === 0 ? 'rows' : on.join(', ')
  return manual ? `${events} (manual)` : events
}

/** `bingo rules enable` and `disable`. */
export async function switchRule(id: string, verb: 'enable' | 'disable', options: ApiOptions): Promise<void> {
  const { body, text } = await askApi(options, `/api/v1/event-dispatchers/${encodeURIComponent(id)}/${verb}`, {
    method: 'POST',
  })
  const rule = body as ShownRule
  print([options.json ? text.trimEnd() : `${rule.id} ${stateOf(rule)}`])
}

/** `bingo rules invoke`. */
export async function invokeRule(
  rule: string,
  options: ApiOptions & { readonly payload?: string; readonly key?: string; readonly id?: string },
): Promise<void> {
  const { environment, payload, key, id } = options
  const path = withQuery(`/api/v1/event-dispatchers/${encodeURIComponent(rule)}/invoke`, { environment })
  const body = exactJson({ ...(payload !== undefined && { payload: parseJson(payload, 900) }), key, id })
  const { body: event, text } = await askApi(options, path, { method: 'POST', body })
  print([options.json ? text.trimEnd() : `${(event as { readonly id: string }).id} invokes ${rule}`])
}
