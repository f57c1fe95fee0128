import type { ActionSpec } from '../../model/rule/action.ts'

export interface Wanted {
  readonly pattern: Pick<RegExp, 'test'>
  readonly code: string
  /** What does not fit, such as "a topic has letters, digits, . _ - only". */
  readonly message: string
  readonly hint?: string
}

/**
 * Refuses, when the rules are loaded, a text of a field without a template that no event could be sent with. The same
 * texts with a template are checked when they are rendered.
 */
export function refuseFixed(spec: ActionSpec, field: string, { pattern, code, message, hint }: Wanted): void {
  const text = spec.template(field)?.constant
  if (text !== undefined && !pattern.test(text)) spec.fail(field, code, message, hint)
}

/** As `refuseFixed`, for a structure that is one value. */
export function refuseFixedValue(spec: ActionSpec, field: string, { pattern, code, message, hint }: Wanted): void {
  const outline = spec.outline(field)
  if (outline?.tag !== 'scalar' || String(outline.value).includes('{{')) return
  if (!pattern.test(String(outline.value ?? ''))) spec.fail(field, code, message, hint)
}

/** As `refuseFixed`, for the values of a map of headers. The value itself may be a secret and is not shown. */
export function refuseFixedHeaders(spec: ActionSpec, field: string, wanted: Wanted): void {
  for (const [name, template] of spec.templateMap(field) ?? []) {
    if (template.constant === undefined || wanted.pattern.test(template.constant)) continue
    spec.failAt(template.location, wanted.code, `header ${JSON.stringify(name)} ${wanted.message}`, wanted.hint)
  }
}

/** `host:port`, without a scheme or a path. */
export function isHostPort(text: string): boolean {
  const port = /^(?:\[[0-9a-fA-F:.%]+\]|[^/\s:[\]@]+):(\d{1,5})$/.exec(text)?.[1]
  return port !== undefined && Number(port) > 0 && Number(port) <= 65_535
}
