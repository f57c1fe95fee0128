import { TemplateSyntaxError } from './template-engine.ts'
import type { TemplateExpression, TemplatePart } from './template-tree.ts'
import { TEMPLATE_HELPERS } from './template-helpers.ts'

/** Replaces `${env:NAME}` and the like in a text that starts at `offset`. */
type Literal = (text: string, offset: number) => string

/** `${env:KEY}` or `${file:/run/secrets/key}`, and nothing else. */
const SECRET = /^\$\{(?:env|file):[^}]+\}$/

/**
 * Puts secrets into the text parts, and into the arguments of helpers that are secrets; there they have to be references.
 * Throws TemplateSyntaxError.
 */
export function withSecrets(parts: readonly TemplatePart[], literal: Literal): readonly TemplatePart[] {
  return parts.map((part) => {
    if (part.tag === 'text') return { ...part, text: literal(part.text, part.offset) }
    if (part.tag === 'output') return { ...part, expression: inExpression(part.expression, literal) }
    return {
      ...part,
      arguments: part.arguments.map((each) => inExpression(each, literal)),
      body: withSecrets(part.body, literal),
      otherwise: withSecrets(part.otherwise, literal),
    }
  })
}

function inExpression(expression: TemplateExpression, literal: Literal): TemplateExpression {
  if (expression.tag !== 'call') return expression
  const secret = TEMPLATE_HELPERS.get(expression.helper)?.secret
  const inside = expression.arguments.map((argument, index) => {
    if (index !== secret) return inExpression(argument, literal)
    if (argument.tag === 'literal' && typeof argument.value === 'string' && SECRET.test(argument.value)) {
      // The literal's text starts behind its quote.
      return { ...argument, value: literal(argument.value, argument.offset + 1) }
    }
    throw new TemplateSyntaxError(
      `the secret of "${expression.helper}" does not come from the environment or a file`,
      argument.offset,
      'write "${env:NAME}" or "${file:/run/secrets/name}"',
    )
  })
  return { ...expression, arguments: inside }
}
