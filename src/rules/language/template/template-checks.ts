import { nearestName } from '../../../model/nearest-name.ts'
import { textProblem } from '../source-text.ts'
import type { SourceText } from '../source-text.ts'
import type { TemplateBlock, TemplateCall } from './template-tree.ts'
import { HelperFailure } from './helper.ts'
import type { TemplateHelper } from './helper.ts'
import { TEMPLATE_HELPERS } from './template-helpers.ts'

const BLOCKS = ['if', 'unless', 'each', 'with']

/**
 * Throws ProblemsError for a helper that does not exist, is called with too few or too many values, or with constants
 * that it cannot work with.
 */
export function checkCall(source: SourceText, call: TemplateCall): void {
  const { helper, arguments: values, offset } = call
  const known = TEMPLATE_HELPERS.get(helper)
  if (known === undefined) {
    const nearest = nearestName(helper, TEMPLATE_HELPERS.keys())
    const hint =
      nearest === undefined
        ? `write one of: ${[...TEMPLATE_HELPERS.keys()].join(', ')}`
        : `did you mean {{${nearest} …}}?`
    throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', `unknown helper "${helper}"`, offset, hint)
  }
  const [least, most] = known.arity
  if (values.length >= least && values.length <= most) {
    checkConstants(source, call, known)
    return
  }
  const wanted = least === most ? String(least) : `${least} to ${most}`
  const message = `"${helper}" takes ${wanted} value(s), but has ${values.length}`
  throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', message, offset, `${helper}: ${known.doc}`)
}

function checkConstants(
  source: SourceText,
  { helper, arguments: values, offset }: TemplateCall,
  known: TemplateHelper,
): void {
  try {
    known.check?.(values.map((value) => (value.tag === 'literal' ? value.value : undefined)))
  } catch (error) {
    if (!(error instanceof HelperFailure)) throw error
    const message = `"${helper}": ${error.message}`
    throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', message, offset, error.hint ?? `${helper}: ${known.doc}`)
  }
}

/** Throws ProblemsError for a block other than if, unless, each and with. */
export function checkBlock(source: SourceText, { name, arguments: values, offset }: TemplateBlock): void {
  if (!BLOCKS.includes(name)) {
    const nearest = nearestName(name, BLOCKS)
    const hint = nearest === undefined ? `write one of: ${BLOCKS.join(', ')}` : `did you mean {{#${nearest} …}}?`
    throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', `unknown block "${name}"`, offset, hint)
  }
  if (values.length === 1) return
  throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', `{{#${name}}} takes one value, but has ${values.length}`, offset)
}
