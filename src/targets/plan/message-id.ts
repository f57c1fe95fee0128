import type { ActionPlan } from '../../model/rule/rule.ts'

/** What could not stand in a header, or would be taken for a separator: everything else is written as %HH. */
const UNSAFE = /[^A-Za-z0-9_:/#-]/gu
const SAFE = /^[A-Za-z0-9_:/#-]*$/

/** 1 for each character that stands in an id as it is. */
export const SAFE_CODES: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  SAFE.test(String.fromCharCode(code)) ? 1 : 0,
)

/** What comes behind the event's id: the same for every event, and asked for with each. */
const ENDINGS = new WeakMap<ActionPlan, string>()

/**
 * What a receiver or broker recognises duplicates by: `EVENT#RULE#ACTION`. The rule and the identity of the action are part
 * of it because two actions may say different things about one event to one receiver, who would drop the second.
 */
export function messageId(eventId: string, action: ActionPlan): string {
  if (action.idIsWhole === true) return eventId
  return safe(eventId) + messageIdEnding(action)
}

/** What stands behind the event's id, whose characters outside of SAFE_CODES are escaped. */
export function messageIdEnding(action: ActionPlan): string {
  if (action.idIsWhole === true) return ''
  let ending = ENDINGS.get(action)
  if (ending === undefined) ENDINGS.set(action, (ending = safe(`#${action.rule.id}#${action.identity}`)))
  return ending
}

function safe(text: string): string {
  return SAFE.test(text) ? text : text.replaceAll(UNSAFE, percent)
}

function percent(character: string): string {
  return Buffer.from(character).toString('hex').toUpperCase().replaceAll(/../g, '%$&')
}
