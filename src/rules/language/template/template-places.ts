import type { Fit, TemplateExpression, TemplatePart } from './template-tree.ts'

/**
 * What a whole template is, where its parts have a meaning of their own. `url`: an address, whose path and query keep their
 * structure whatever a value holds. `dotted`: words with dots between them (a NATS subject, an AMQP routing key), of which
 * a value is one word or part of one.
 */
export type TemplatePlace = 'url' | 'dotted'

const ENCODERS = new Set(['urlencode', 'urlpath'])
/** Where the authority of an address ends and its path, query or fragment begins. */
const AFTER_ORIGIN = /^(?:[a-z][a-z0-9+.-]*:\/\/|(?![a-z][a-z0-9+.-]*:\/\/))[^/?#]*[/?#]/i

/**
 * Notes with each output how its value has to fit. A template that is nothing but one expression is left alone: there the
 * data gives the whole of it, as an outbox does. So is what stands before the path of an address.
 */
export function withPlaces(parts: readonly TemplatePart[], place: TemplatePlace | undefined): readonly TemplatePart[] {
  if (place === undefined || (parts.length === 1 && parts[0]!.tag === 'output')) return parts
  return place === 'dotted' ? placed(parts, { fit: () => 'word', read: () => undefined }) : placed(parts, new UrlWalk())
}

interface Walk {
  fit(expression: TemplateExpression): Fit | undefined
  read(text: string): void
}

/** Reads an address from left to right; behind its origin every value is encoded. */
class UrlWalk implements Walk {
  #before = ''
  #inOrigin = true

  read(text: string): void {
    this.#before += text
    if (this.#inOrigin && AFTER_ORIGIN.test(this.#before)) this.#inOrigin = false
  }

  fit(expression: TemplateExpression): Fit | undefined {
    if (this.#inOrigin) {
      // Any text will do for what the value may be: `https://{{host}}/x` and `{{base}}/x` go on with their path.
      this.#before += 'x'
      return undefined
    }
    if (expression.tag === 'call' && ENCODERS.has(expression.helper)) return undefined
    return encodes(expression) ? 'rest' : 'segment'
  }
}

/** Whether something inside is encoded already, so that its percent signs have to stay. */
function encodes(expression: TemplateExpression): boolean {
  if (expression.tag !== 'call') return false
  return ENCODERS.has(expression.helper) || expression.arguments.some(encodes)
}

function placed(parts: readonly TemplatePart[], walk: Walk): readonly TemplatePart[] {
  return parts.map((part): TemplatePart => {
    switch (part.tag) {
      case 'text':
        walk.read(part.text)
        return part
      case 'output':
        return { ...part, fit: walk.fit(part.expression) }
      case 'block':
        return { ...part, body: placed(part.body, walk), otherwise: placed(part.otherwise, walk) }
    }
  })
}

/** The value as it may stand in its place; null where it cannot. */
export function fitted(text: string, fit: Fit): string | null {
  switch (fit) {
    case 'segment':
      return encodeURIComponent(text.toWellFormed())
    case 'rest':
      return text.toWellFormed().replaceAll(/[^A-Za-z0-9\-_.~!*'()%]+/gu, encodeURIComponent)
    case 'word':
      return /[.*>#\s]/.test(text) ? null : text
  }
}
