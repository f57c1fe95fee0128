import type { Outline } from '../../model/rule/action-field.ts'
import type { SourceLocation } from '../../model/errors.ts'
import { fieldOf, fitSingle, Misfit } from './fit.ts'
import type { MessageField, MessageType } from './message-type.ts'

export interface OutlineProblem {
  readonly location: SourceLocation
  readonly message: string
}

/** What is wrong with a message as written in a rule: unknown fields, wrong shapes, constants that do not fit. */
export function checkOutline(outline: Outline, type: MessageType): OutlineProblem[] {
  if (outline.tag !== 'map') {
    return [{ location: outline.location, message: `needs a map with the fields of ${type.name}` }]
  }
  return outline.entries.flatMap(({ key, keyLocation, value }) =>
    caught(keyLocation, () => checkField(value, fieldOf(type, key, []))),
  )
}

function checkField(outline: Outline, field: MessageField): OutlineProblem[] {
  // A template for the whole of it, or NULL.
  if (outline.tag === 'scalar' && (outline.value === null || isDynamic(outline.value))) return []
  if (field.shape === 'list') {
    if (outline.tag === 'list') return outline.items.flatMap((item) => checkSingle(item, field))
    return [{ location: outline.location, message: `${field.name} needs a list` }]
  }
  if (field.shape === 'map') {
    if (outline.tag === 'map') return outline.entries.flatMap(({ value }) => checkSingle(value, field))
    return [{ location: outline.location, message: `${field.name} needs a map` }]
  }
  return checkSingle(outline, field)
}

function checkSingle(outline: Outline, field: MessageField): OutlineProblem[] {
  if (outline.tag === 'scalar') {
    if (isDynamic(outline.value)) return []
    return caught(outline.location, () => {
      fitSingle(outline.value, field, [field.name])
      return []
    })
  }
  const type = field.message()
  if (outline.tag === 'map' && type !== undefined) return checkOutline(outline, type)
  if (field.type === 'TYPE_MESSAGE' && type === undefined) return []
  return [{ location: outline.location, message: `${field.name} needs a single value, not a ${outline.tag}` }]
}

/** Known only when an event is rendered: templates, and texts with secrets. */
function isDynamic(value: unknown): boolean {
  return typeof value === 'string' && /\{\{|\$\{/.test(value)
}

function caught(location: SourceLocation, check: () => OutlineProblem[]): OutlineProblem[] {
  try {
    return check()
  } catch (error) {
    if (error instanceof Misfit) return [{ location, message: error.message }]
    throw error
  }
}
